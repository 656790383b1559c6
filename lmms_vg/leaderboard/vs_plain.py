"""Compare every method with the plain run of its own model: only this difference is due to the method alone.

Computed as in `runs.compare`: 10,000 bootstrap draws of whole images, seed 0. p is corrected (Holm) over the lines of one
submitter's model, that is of one card and one model, so that no stranger's lines change it; that of forced choice likewise.
All settings count, also those that are not ranked. Oracles and controls are a family of their own, so that nobody pays for
having sent them. What a difference is made of is found by the functions of `runs.saying`, too.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lmms_vg.leaderboard.columns import Measure
from lmms_vg.leaderboard.estimates import pooled, way_of
from lmms_vg.leaderboard.plain_pairing import plain_runs
from lmms_vg.leaderboard.roles import role_of
from lmms_vg.leaderboard.said import SaidGain, changed, task_run
from lmms_vg.leaderboard.vs_plain_forced import ForcedGain, forced_against
from lmms_vg.metrics.statistics import Difference, holm
from lmms_vg.runs.compare import RESAMPLES
from lmms_vg.runs.saying import saying
from lmms_vg.submission.validated import Entry, Scores


class AgainstPlain(NamedTuple):
    """A method against its plain run, pooled over columns.

    Attributes:
        plain: ids of the plain runs, one per column.
        of: titles of the columns.
        n: number of questions.
        better: number of questions with a higher score than in the plain run.
        worse: number of questions with a lower score.
        lines: number of lines that p is corrected over.
        holm: corrected p.
        forced: forced choice on the same columns; None if no question has first-token values in both.
        gain: what was said on the same columns, and what the difference is made of.
    """

    plain: tuple[str, ...]
    of: tuple[str, ...]
    n: int
    rule: str
    difference: Difference
    better: int
    worse: int
    lines: int
    holm: float
    forced: ForcedGain | None = None
    gain: SaidGain | None = None


class _Pair(NamedTuple):
    method: str
    plain: tuple[str, ...]
    of: tuple[str, ...]
    tasks: list[str]
    scores: list[Scores]
    before: list[Scores]


def against(entries: Sequence[Entry], measures: Sequence[Measure]) -> dict[str, AgainstPlain]:
    """Return id -> comparison, for every method's entry with a plain run (see `plain_runs`); each measure has one task."""
    plain = plain_runs(entries)
    pairs = [_pair(entry, plain[entry.id].of, measures) for entry in entries if entry.id in plain]
    groups = _on_the_same_questions([pair for pair in pairs if pair.of])
    return _corrected(dict(line for group in groups for line in _lines(group)), entries)


def _pair(entry: Entry, plain: Mapping[str, Entry], measures: Sequence[Measure]) -> _Pair:
    ways = {measure.title: way for measure in measures if (way := way_of(entry, measure)) is not None}
    tasks = {title: task for title, way in ways.items() if (task := way[0].tasks[0]) in plain}
    return _Pair(
        entry.id,
        tuple(plain[task].id for task in tasks.values()),
        tuple(tasks),
        [*tasks.values()],
        [entry.scores[task] for task in tasks.values()],
        [plain[task].scores[task] for task in tasks.values()],
    )


def _on_the_same_questions(pairs: Sequence[_Pair]) -> list[list[_Pair]]:
    """Group the pairs; the draws are the same within a group, so they are drawn once."""
    groups: dict[Hashable, list[_Pair]] = {}
    for pair in pairs:
        groups.setdefault((pair.of, tuple(scores.comparable for scores in pair.scores)), []).append(pair)
    return list(groups.values())


def _lines(pairs: Sequence[_Pair]) -> list[tuple[str, AgainstPlain]]:
    runs = {ids: scores for pair in pairs for ids, scores in (((pair.method,), pair.scores), (pair.plain, pair.before))}
    places = {ids: place for place, ids in enumerate(sorted(runs))}
    drawn = pooled([runs[ids] for ids in places], RESAMPLES)
    results = []
    for pair in pairs:
        difference = drawn.difference(places[pair.plain], places[pair.method,])
        changes = [
            np.subtract(after.values, plain.values) for after, plain in zip(pair.scores, pair.before, strict=True)
        ]
        better, worse = (sum(int((sign * change > 0).sum()) for change in changes) for sign in (1, -1))
        rule = "; ".join(sorted({scores.rule for scores in pair.scores}))
        forced = forced_against(pair.scores, pair.before)
        line = AgainstPlain(pair.plain, pair.of, drawn.n, rule, difference, better, worse, 1, 1.0, forced, _gain(pair))
        results.append((pair.method, line))
    return results


def _gain(pair: _Pair) -> SaidGain:
    after, before = (
        [task_run(task, scores) for task, scores in zip(pair.tasks, of_run, strict=True)]
        for of_run in (pair.scores, pair.before)
    )
    return SaidGain(saying(after), changed(before, after))


def _sourced(line: AgainstPlain) -> AgainstPlain:
    """Say where the difference lives, now that p is corrected."""
    if line.gain is None or line.gain.change is None:
        return line
    source = line.gain.change.source(line.difference.mean, line.holm)
    return line._replace(gain=line.gain._replace(source=source))


def _corrected(lines: Mapping[str, AgainstPlain], entries: Sequence[Entry]) -> dict[str, AgainstPlain]:
    families: dict[Hashable, list[str]] = {}
    for entry in entries:
        if entry.id in lines:
            card = entry.manifest.card.model_dump_json()
            families.setdefault((entry.model, card, bool(role_of(entry))), []).append(entry.id)
    result = dict(lines)
    for ids in families.values():
        corrected = holm({id: lines[id].difference.p for id in ids})
        preferred = {id: forced.difference.p for id in ids if (forced := lines[id].forced) is not None}
        forced_p = holm(preferred, family=len(ids))
        result |= {
            id: lines[id]._replace(
                lines=len(ids),
                holm=corrected[id],
                forced=forced._replace(holm=forced_p[id]) if (forced := lines[id].forced) else None,
            )
            for id in ids
        }
    return {id: _sourced(line) for id, line in result.items()}
