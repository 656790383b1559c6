"""Every method against the plain run of its own model: the one difference that is the method's alone.

Computed as ``study.compare`` does it: 10,000 bootstrap draws of whole images, seed 0, corrected (Holm) over all lines.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from lmms_vg.leaderboard.measures import Measure
from lmms_vg.leaderboard.plain_runs import plain_runs
from lmms_vg.leaderboard.ranks import comparable, pooled, way_of
from lmms_vg.metrics.statistics import Difference, holm
from lmms_vg.study.compare import RESAMPLES
from lmms_vg.submission.entry import Entry, Scores


class Against(NamedTuple):
    """A method against ``plain``, the id of an entry, over the columns of the titles ``of``, pooled.

    ``better``, ``worse``: how many of the ``n`` questions have a higher or a lower score than in the plain run.
    """

    plain: str
    of: tuple[str, ...]
    n: int
    rule: str
    difference: Difference
    better: int
    worse: int
    holm: float


class _Pair(NamedTuple):
    method: str
    plain: str
    of: tuple[str, ...]
    scores: list[Scores]
    before: list[Scores]


def against(entries: Sequence[Entry], measures: Sequence[Measure]) -> dict[str, Against]:
    """Id -> what became of the plain run, for every entry of a method that has one; ``measures`` are of one task each.

    Which plain run, ``plain_runs`` says.
    """
    scores = {entry.id: _scores(entry, measures) for entry in entries}
    pairs = [_pair(id, plain.id, scores) for id, plain in plain_runs(entries).items()]
    return _corrected([line for alike in _alike([pair for pair in pairs if pair.of]) for line in _lines(alike)])


def _scores(entry: Entry, measures: Sequence[Measure]) -> dict[str, Scores]:
    ways = {measure.title: way for measure in measures if (way := way_of(entry, measure)) is not None}
    return {title: entry.scores[way[0].tasks[0]] for title, way in ways.items()}


def _pair(method: str, plain: str, scores: dict[str, dict[str, Scores]]) -> _Pair:
    mine, before = scores[method], scores[plain]
    of = tuple(title for title in mine if title in before and comparable(mine[title]) == comparable(before[title]))
    return _Pair(method, plain, of, [mine[title] for title in of], [before[title] for title in of])


def _alike(pairs: Sequence[_Pair]) -> list[list[_Pair]]:
    """Pairs on the same questions: their draws are the same, so they are drawn once."""
    groups: dict[Hashable, list[_Pair]] = {}
    for pair in pairs:
        groups.setdefault((pair.of, tuple(map(comparable, pair.scores))), []).append(pair)
    return list(groups.values())


def _lines(pairs: Sequence[_Pair]) -> list[tuple[str, Against]]:
    runs = {id: scores for pair in pairs for id, scores in ((pair.method, pair.scores), (pair.plain, pair.before))}
    ids = sorted(runs)
    drawn = pooled([runs[id] for id in ids], RESAMPLES)
    made = []
    for pair in pairs:
        difference = drawn.difference(ids.index(pair.plain), ids.index(pair.method))
        changes = [np.subtract(one.values, two.values) for one, two in zip(pair.scores, pair.before, strict=True)]
        better, worse = (sum(int((sign * change > 0).sum()) for change in changes) for sign in (1, -1))
        rule = "; ".join(sorted({scores.rule for scores in pair.scores}))
        made.append((pair.method, Against(pair.plain, pair.of, drawn.n, rule, difference, better, worse, 1.0)))
    return made


def _corrected(lines: Sequence[tuple[str, Against]]) -> dict[str, Against]:
    corrected = holm({id: line.difference.p for id, line in lines})
    return {id: line._replace(holm=corrected[id]) for id, line in lines}
