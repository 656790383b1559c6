"""Deal the questions of a job to its ranks image by image, so that each image is prefilled once in the whole job.

lmms-eval deals questions out by stride, which spreads those about one image over all ranks. Here each rank asks whole images,
and `job.exchange` hands every record back to the rank that scores it.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from itertools import chain

from lmms_vg.inference.job import gather
from lmms_vg.inference.requests import Requested

#: The cost of the prefix of an image, in questions: 3.8 s and 0.55 s on a CPU (docs/speed.md). No answer depends on it.
PREFIX = 7


def dealt(own: Sequence[Requested], rank: int) -> list[Requested]:
    """Return what this rank asks, image after image; all ranks must call this together.

    Questions whose images have no name belong to tasks of somebody else; they are asked by the rank that scores them.

    Args:
        own: what lmms-eval asks this rank.
        rank: rank of this process.
    """
    everyone = gather(own)
    loads = [float(sum(not request.image for request in asked)) for asked in everyone]
    counted: dict[str, int] = {}
    for request in chain.from_iterable(everyone):
        if request.image:
            counted[request.image] = counted.get(request.image, 0) + 1
    images = sorted(counted)  # the same order on every rank
    rank_of = dict(zip(images, deal([counted[image] for image in images], loads), strict=True))
    return sorted(_mine(everyone, rank_of, rank), key=lambda request: (request.image, request.order))


def deal(sizes: Sequence[int], loads: Sequence[float]) -> list[int]:
    """Give each image to the rank with the least to do, the image with most questions first (longest processing time).

    Args:
        sizes: number of questions of each image.
        loads: what each rank has to do already, in questions.

    Returns:
        The rank of each image, 0-based. Equal input gives equal output.
    """
    least = [(load, rank) for rank, load in enumerate(loads)]
    heapq.heapify(least)
    ranks = [0] * len(sizes)
    for image in sorted(range(len(sizes)), key=lambda image: -sizes[image]):
        load, ranks[image] = least[0]
        heapq.heapreplace(least, (load + PREFIX + sizes[image], ranks[image]))
    return ranks


def _mine(everyone: Sequence[Sequence[Requested]], rank_of: Mapping[str, int], rank: int) -> list[Requested]:
    return [
        request
        for owner, asked in enumerate(everyone)
        for request in asked
        if (rank_of[request.image] if request.image else owner) == rank
    ]
