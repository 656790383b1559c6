"""The arm that raters prefer, with an interval that accounts for votes that share cases and raters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scipy import stats

from lmms_vg.metrics.statistics import Interval, two_way_interval
from lmms_vg.runs.text_tables import markdown
from lmms_vg.vgmed.blind_key import BlindKey
from lmms_vg.vgmed.blind_votes import Unblinded

#: The paper: 5 clinicians, 20 cases, "preferred in 76% of cases" (Supplement J.1), which is no whole number of 20.
PAPER_RATERS, PAPER_CASES, PAPER_PREFERRED = 5, 20, 76


class ArmShare(NamedTuple):
    """The votes for one arm.

    Attributes:
        arm: its name.
        share: share of votes; a tie counts as an equal part of a vote for every arm.
        interval: of the share, by cases and raters (`two_way_interval`).
        votes: votes for it alone.
        majorities: cases in which more raters chose it than any other arm.
    """

    arm: str
    share: float
    interval: Interval
    votes: int
    majorities: int


def preferences(votes: Sequence[Unblinded], arms: Sequence[str]) -> list[ArmShare]:
    """Return the preference for every arm.

    Raises:
        ValueError: there are no votes.
    """
    if not votes:
        raise ValueError("no votes: have raters answer the page and export their votes")
    majorities = Counter(_majority(votes))
    cases, raters = [vote.case for vote in votes], [vote.rater for vote in votes]
    shares = []
    for arm in arms:
        scores = [1 / len(arms) if vote.arm is None else float(vote.arm == arm) for vote in votes]
        interval = two_way_interval(scores, cases, raters)
        alone = sum(vote.arm == arm for vote in votes)
        shares.append(ArmShare(arm, sum(scores) / len(scores), interval, alone, majorities[arm]))
    return shares


def _majority(votes: Sequence[Unblinded]) -> Iterator[str]:
    """Yield the arm of every case that has one with most votes."""
    of_case: dict[str, Counter[str]] = defaultdict(Counter)
    for vote in votes:
        if vote.arm is not None:
            of_case[vote.case][vote.arm] += 1
    for counts in of_case.values():
        (arm, most), *others = counts.most_common(2)
        if not others or others[0][1] < most:
            yield arm


def independent(preferred: int, votes: int) -> Interval:
    """Clopper and Pearson's exact interval of a share of independent votes, which votes on one case are not."""
    interval = stats.binomtest(preferred, votes).proportion_ci(0.95, "exact")
    return Interval(float(interval.low), float(interval.high))


def paper_under() -> list[tuple[str, Interval]]:
    """Return the interval of the paper's 76% under what its votes may have been, as it does not print them."""
    even, uneven = ([*_paper_votes(per_case)] for per_case in _paper_layouts())
    return [
        ("100 independent votes (exact)", independent(PAPER_PREFERRED, PAPER_RATERS * PAPER_CASES)),
        ("5 raters, 20 cases, raters agree as little as they can", _interval(even)),
        ("5 raters, 20 cases, raters agree on nearly every case", _interval(uneven)),
    ]


def _paper_layouts() -> tuple[list[int], list[int]]:
    """Votes for the method in each case, 76 in all: spread over cases as evenly as possible, and as unevenly."""
    whole, rest = divmod(PAPER_PREFERRED, PAPER_CASES)
    even = [whole + (case < rest) for case in range(PAPER_CASES)]
    full, part = divmod(PAPER_PREFERRED, PAPER_RATERS)
    return even, [PAPER_RATERS] * full + [part] + [0] * (PAPER_CASES - full - 1)


def _paper_votes(per_case: Sequence[int]) -> Iterator[tuple[int, int, float]]:
    """Case, rater and vote; the votes against the method go to the raters in turn."""
    turn = 0
    for case, preferred in enumerate(per_case):
        against = {(turn + number) % PAPER_RATERS for number in range(PAPER_RATERS - preferred)}
        turn += len(against)
        yield from ((case, rater, float(rater not in against)) for rater in range(PAPER_RATERS))


def _interval(votes: Sequence[tuple[int, int, float]]) -> Interval:
    cases, raters, scores = zip(*votes, strict=True)
    return two_way_interval(scores, cases, raters)


def score_lines(votes: Sequence[Unblinded], key: BlindKey) -> Iterator[str]:
    """Yield the lines of the result.

    Raises:
        ValueError: there are no votes.
    """
    arms = [*key.arms]
    shares = preferences(votes, arms)
    raters, cases = {vote.rater for vote in votes}, {vote.case for vote in votes}
    ties = sum(vote.arm is None for vote in votes)
    yield (
        f"{len(votes)} votes of {len(raters)} raters on {len(cases)} of {len(key.cases)} cases ({ties} ties), task {key.task}, "
        f"layer {key.layer}"
    )
    yield ""
    head = ["arm", "what it is", "share, %", "95% interval", "chance", "votes", "most votes in"]
    rows = [
        [
            entry.arm,
            key.arms[entry.arm],
            f"{100 * entry.share:.1f}",
            _shown(entry.interval),
            f"{100 / len(arms):.1f}",
            str(entry.votes),
            f"{entry.majorities} cases",
        ]
        for entry in shares
    ]
    yield markdown(head, rows, 2)
    yield ""
    yield from _checks(votes, arms, len(raters))
    yield ""
    yield f"The paper's {PAPER_PREFERRED}% would have, under what its votes may have been:"
    yield ""
    yield markdown(["votes", "95% interval"], [[what, _shown(interval)] for what, interval in paper_under()], 1)
    if comments := [vote for vote in votes if vote.comment]:
        yield ""
        yield "Comments, with the maps from left to right:"
        yield from (f"- {vote.rater}, {vote.case}, chose {vote.arm or 'none'}: {vote.comment}" for vote in comments)


def _checks(votes: Sequence[Unblinded], arms: Sequence[str], raters: int) -> Iterator[str]:
    chosen = [vote for vote in votes if vote.arm is not None]
    if chosen:
        left = sum(vote.place == 0 for vote in chosen)
        yield f"The map on the left was chosen in {left} of {len(chosen)} votes; without a habit, in one of {len(arms)}."
    yield (
        "Interval: two-way bootstrap, 2,000 draws of whole cases and whole raters, seed 0; a tie counts as an equal part for "
        "every arm."
    )
    if raters == 1:
        yield "One rater: the interval does not extend to other raters."


def _shown(interval: Interval) -> str:
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
