"""Parts of a difference between two runs: answers that became readable, and answers that became right.

An answer that the scoring rule cannot read counts as wrong. A method that only makes answers readable gains by it, up to half
of them for yes/no questions, even if it answers by tossing a coin.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import NamedTuple

from lmms_vg.metrics.statistics import Difference, paired
from lmms_vg.metrics.statistics.clusters import Uid


class Share(NamedTuple):
    """A part of the questions, and what it adds to the difference.

    Attributes:
        n: number of questions.
        net: right in b minus right in a: what the part adds to the difference, times the number of all questions.
    """

    n: int
    net: float


class Decomposition(NamedTuple):
    """A difference as the sum of three; questions that neither run answered readably add nothing.

    Attributes:
        both: readable in both runs.
        newly: readable in b only.
        no_longer: readable in a only.
        readable: mean difference over the questions of `both`; None if there are none. Which questions these are depends on the
            answers, so it describes the difference and proves nothing about other questions.
    """

    both: Share
    newly: Share
    no_longer: Share
    readable: Difference | None


def decompose(
    a: Mapping[Uid, float],
    b: Mapping[Uid, float],
    read_a: Collection[Uid],
    read_b: Collection[Uid],
    clusters: Mapping[Uid, Hashable],
    *,
    resamples: int = 2000,
    family: int = 1,
) -> Decomposition:
    """Divide the difference between two runs on the same questions, whose unreadable answers have the score 0.

    Args:
        a: uid -> score in the first run.
        b: the same in the second.
        read_a: questions whose answer in the first run is readable.
        read_b: the same in the second.
        clusters: uid -> image.
        resamples: draws of the interval.
        family: number of comparisons that p-values will be corrected for.

    Raises:
        ValueError: as in `paired`.
    """
    first, second = set(read_a), set(read_b)
    both = [uid for uid in a if uid in first and uid in second]
    readable = None
    if both:
        before, after = ({uid: run[uid] for uid in both} for run in (a, b))
        readable = paired(before, after, clusters, resamples=resamples, family=family)

    def share(uids: Sequence[Uid]) -> Share:
        return Share(len(uids), sum(b[uid] - a[uid] for uid in uids))

    newly = [uid for uid in a if uid in second and uid not in first]
    no_longer = [uid for uid in a if uid in first and uid not in second]
    return Decomposition(share(both), share(newly), share(no_longer), readable)


def signature() -> str:
    """Describe what the parts depend on, to be printed with them."""
    return "decomposition|parts:both-readable+newly+no-longer|v:1"
