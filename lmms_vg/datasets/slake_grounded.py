"""SLAKE-grounded: the questions of SLAKE that name an object whose place the image's files state.

How questions are linked to objects is in `slake_objects`. A question whose object is not in its image's files is left out: it
may be absent from the image ("Does the picture contain liver?" "No"). So is the one question without an answer.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

from lmms_vg.datasets import slake
from lmms_vg.datasets.counts import check_count
from lmms_vg.datasets.first_counts import hold
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.slake import SLAKE
from lmms_vg.datasets.slake_objects import Mention, linked, mentions
from lmms_vg.datasets.slake_regions import regions_of
from lmms_vg.datasets.source import DataError, missing

#: Category of questions about several objects.
SEVERAL = "several objects"


def load(part: Literal["closed", "open"], split: Literal["all", "test"] = "all") -> list[Sample]:
    """Load the linked questions of one part, of all three splits or of test alone, in the files' order.

    `organ` is the object, the same for left and right; `boxes` are its boxes, or tiles of its mask.

    Raises:
        DataMissing: a file is missing, or there are no images.
        DataError: a file is broken, or a split has a wrong number of questions, or another one than when it was first read.
    """
    splits = list(slake.SPLITS) if split == "all" else [split]
    named = [
        (sample, objects) for sample in slake.load(part, split) if (objects := linked(sample.question, sample.answer))
    ]
    by_name = Counter(sample.split for sample, _ in named)
    for name in splits:
        check_count(SLAKE, f"named {part}/{name}", by_name[name], least=0)
    slake.require_images()
    samples = [
        placed for sample, objects in named if sample.answer and (placed := _placed(sample, objects)) is not None
    ]
    if not samples and any(regions_of(image_of(sample)).labels for sample, _ in named):
        raise DataError(
            f"slake: none of {len(named)} {part} questions in {', '.join(splits)} is about an object of its image"
        )
    if not samples:
        raise missing(SLAKE, slake.IMAGES, "The images here have no detection.json and no mask.png.")
    by_place = Counter(sample.split for sample in samples)
    for name in splits:
        hold(SLAKE, f"grounded {part}/{name}", by_place[name])
    return samples


def image_of(sample: Sample) -> str:
    """Return the path of a question's image in `imgs.zip`."""
    return sample.images[0].removeprefix("slake:")


def _placed(sample: Sample, objects: frozenset[Mention]) -> Sample | None:
    """Return the question with the place of its objects; None if the image's files have none of them."""
    regions = regions_of(image_of(sample))
    organs: set[str] = set()
    boxes: list[list[float]] = []
    for label in regions.labels:
        meant = {mention.name for mention in objects for named in mentions(label) if mention.means(named)}
        if meant:
            organs |= meant
            boxes += regions.place(label)
    if not organs:
        return None
    return sample.model_copy(update={"organ": organs.pop() if len(organs) == 1 else SEVERAL, "boxes": boxes})
