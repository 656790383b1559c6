"""Does an answer depend on the box? Questions asked again with the box filled, and with another place of its size filled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lmms_vg.metrics.statistics import FEW, cluster_interval, paired
from lmms_vg.runs.image_control_lines import BOX, ELSEWHERE
from lmms_vg.runs.tidy_rows import SEED, Row
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import named
from lmms_vg.study.study_table import StudyTable


def table(tasks: Sequence[StudiedTask]) -> StudyTable:
    """Return one row per task, control and quantity.

    `answers changed` is the share of answers whose text the control changes. `necessity` is what filling the box changes
    beyond filling a place of the same size elsewhere: 0 for a model that does not need the box.
    """
    return StudyTable("controls", [row for task in tasks if not task.run.control for row in _rows(task, tasks)])


def _rows(task: StudiedTask, tasks: Sequence[StudiedTask]) -> Iterator[Row]:
    under = {
        str(other.run.control): other
        for other in tasks
        if other.run.control and (other.model, other.task, other.run.method) == (task.model, task.task, task.run.method)
    }
    changed = {control: _changed(task, other) for control, other in under.items()}
    units = dict(zip((question.uid for question in task.questions), task.units, strict=True))
    for control, values in changed.items():
        if values:
            of = [units[uid] for uid in values]
            images = len(set(of))
            share = [*values.values()]
            # Of shares near 0 or 1 resampled images say too little: Wilson's interval takes over.
            low, high = cluster_interval(share, of, seed=SEED) if images >= FEW else (float("nan"), float("nan"))
            ends = [sum(share) / len(share), low, high]
            yield _row(task, control, "answers changed", ends, float("nan"), len(of), images)
    if both := [uid for uid in changed.get(BOX, {}) if uid in changed.get(ELSEWHERE, {})]:
        a, b = ({uid: changed[control][uid] for uid in both} for control in (ELSEWHERE, BOX))
        result = paired(a, b, units, seed=SEED)
        images = len({units[uid] for uid in both})
        yield _row(task, f"{BOX} - {ELSEWHERE}", "necessity", [*result[:3]], result.p, len(both), images)


def _changed(task: StudiedTask, other: StudiedTask) -> dict[str, float]:
    """Return whether each answer's text changes, 0 or 1, of the questions that both have."""
    answers = {question.uid: question.answer for question in other.questions}
    return {
        question.uid: float(question.answer != answers[question.uid])
        for question in task.questions
        if question.uid in answers
    }


def _row(task: StudiedTask, control: str, quantity: str, ends: Sequence[float], p: float, n: int, images: int) -> Row:
    mean, low, high = ends
    return {
        **named(task),
        "control": control,
        "quantity": quantity,
        "mean": mean,
        "low": low,
        "high": high,
        "p": p,
        "n": n,
        "images": images,
    }
