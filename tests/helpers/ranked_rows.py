"""Entries with one column of scores, and their ranks."""

from __future__ import annotations

from collections.abc import Sequence

from entries import entry

from lmms_vg.leaderboard.columns import Measure, Part, Way
from lmms_vg.leaderboard.estimates import estimates
from lmms_vg.submission.validated import Entry


def column(*ways: Way, metric: str = "acc", better: str | None = "higher") -> Measure:
    return Measure("column", metric, ways, "", better)  # type: ignore[arg-type]


ONE = column((Part(("pmc_vqa",)),))


def run(id: str, scores: Sequence[float], **changes: object) -> Entry:
    return entry(id, {"pmc_vqa": scores}, **{"weights": id, **changes})  # type: ignore[arg-type]


def places(entries: Sequence[Entry], measure: Measure = ONE) -> dict[str, tuple[int, int] | None]:
    """Return id -> best and worst place."""
    made = estimates(entries, measure)
    return {id: None if one.rank is None else (one.rank.best, one.rank.worst) for id, one in made.items()}
