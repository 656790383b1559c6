"""From collected runs to what the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lmms_vg.metrics import alignment, nulls
from lmms_vg.metrics.statistics import signature
from lmms_vg.runs.image_control_lines import BOX
from lmms_vg.runs.tidy_rows import Row
from lmms_vg.runs.units import together
from lmms_vg.study.collect import StudiedTask, Study
from lmms_vg.study.compared_tables import ComparedTables
from lmms_vg.study.curves import LookCurve
from lmms_vg.study.page.breakdowns import breakdowns
from lmms_vg.study.page.gallery import Gallery
from lmms_vg.study.page.headlines import headlines
from lmms_vg.study.page.input import (
    AskedQuestions,
    LayerMeans,
    PageInput,
    PagePicture,
    PageSide,
    PageTable,
    SideAnswers,
)
from lmms_vg.study.page.panels import panels
from lmms_vg.study.page.report import Written, write
from lmms_vg.study.page.sides import Asked, StudySide, asked_by, sides_of
from lmms_vg.study.questions import StudyQuestion


def page_input(
    study: Study,
    curves: Sequence[LookCurve],
    compared: ComparedTables,
    title: str,
    tables: Sequence[PageTable] = (),
    pictures: Sequence[PagePicture] = (),
) -> PageInput:
    """Return what the page of a study shows.

    Args:
        study: the collected runs.
        curves: its curves.
        compared: its tables of which the page has sentences.
        title: title of the page.
        tables: breakdowns and other tables.
        pictures: pictures that were drawn elsewhere.
    """
    sides = sides_of(study)
    order = asked_by(sides)
    shown = [task for side in sides for task in side.tasks.values()]
    unit = together(task.unit for task in shown)
    return PageInput(
        title=title,
        sides=[PageSide(side.name, side.layers, side.layer, side.chosen) for side in sides],
        asked=_asked(study, sides, order),
        sample_of=Gallery(sides, order).sample,
        means=[_means(number, task) for number, side in enumerate(sides) for task in side.tasks.values()],
        headlines=headlines(shown, compared),
        panels=panels(curves, shown),
        pictures=pictures,
        tables=tables,
        missing=[*dict.fromkeys(note.on_a_page for note in study.missing), *_missing(study, sides)],
        signatures=[alignment.signature(), nulls.signature(donors="other-images"), signature(unit=unit)],
        unit=unit,
    )


def write_page(
    study: Study,
    curves: Sequence[LookCurve],
    breakdown: Sequence[Row],
    compared: ComparedTables,
    out: Path,
    images: bool | None,
) -> tuple[Path, list[str]]:
    """Write `report.html` of a study, and return its path and what was left out of it.

    Args:
        study: the collected runs.
        curves: its curves.
        breakdown: rows of its breakdown.
        compared: its tables of which the page has sentences.
        out: the study's folder; maps of heads are taken from the figures in it.
        images: whether images are embedded; None for those whose licence allows to pass them on.
    """
    path = out / "report.html"
    names = {(side.model, side.method): side.name for side in sides_of(study)}
    shown = [row for row in breakdown if (row["model"], row["method"]) in names]  # runs under a control are no model
    pictures = [
        PagePicture(file.stem.replace("_", " "), file.read_bytes())
        for file in sorted((out / "figures").glob("heads_*.png"))
    ]
    written = write(
        page_input(study, curves, compared, _title(study), breakdowns(shown, names), pictures), path, images=images
    )
    return path, _left_out(written)


def _left_out(written: Written) -> list[str]:
    notes = [f"report.html: {text}" for text in written.reduced]
    if written.without_image:
        notes.append(
            f"report.html: {written.without_image} of {written.shown} samples have no image; each says why. --images embeds "
            "those whose licence does not allow to pass them on, for your own use"
        )
    return notes


def _title(study: Study) -> str:
    models = dict.fromkeys(task.model for task in study.tasks)
    return f"Where {', '.join(models)} look{'s'[: len(models) == 1]}"


def question_at(sides: Sequence[StudySide], asked: Asked) -> StudyQuestion:
    """Return a question as the first side has it that was asked it."""
    task, uid = asked
    side = next(side for side in sides if uid in side.places.get(task, ()))
    return side.tasks[task].questions[side.places[task][uid]]


def _asked(study: Study, sides: Sequence[StudySide], order: Sequence[Asked]) -> AskedQuestions:
    questions = [question_at(sides, asked) for asked in order]
    return AskedQuestions(
        uids=[question.uid for question in questions],
        tasks=[question.task for question in questions],
        modalities=[question.modality for question in questions],
        shares=np.array([question.share for question in questions]),
        sides=[_answers(study, side, order) for side in sides],
    )


def _answers(study: Study, side: StudySide, order: Sequence[Asked]) -> SideAnswers:
    excess, placement = np.full((2, len(order)), np.nan)
    right, changes = np.full((2, len(order)), -1, np.int8)
    filled = _filled(study, side)
    for row, (name, uid) in enumerate(order):
        place = side.places.get(name, {}).get(uid)
        if place is None:
            continue
        task = side.tasks[name]
        excess[row], placement[row] = task.excess["AR"][place, side.layer], task.values["placement"][place, side.layer]
        question = task.questions[place]
        right[row] = -1 if question.right is None else question.right
        if (name, uid) in filled:
            changes[row] = filled[name, uid] != question.answer
    return SideAnswers(excess, placement, right, changes)


def _filled(study: Study, side: StudySide) -> dict[Asked, str]:
    """Return the answers of the same model and method without the boxes."""
    return {
        (task.task, question.uid): question.answer
        for task in study.tasks
        if task.run.control == BOX
        and (task.model, task.run.method) == (side.model, next(iter(side.tasks.values())).run.method)
        for question in task.questions
    }


def _means(number: int, task: StudiedTask) -> LayerMeans:
    with np.errstate(invalid="ignore"):
        ar, kl, excess, placement = (
            np.array(
                [column[np.isfinite(column)].mean() if np.isfinite(column).any() else np.nan for column in table.T]
            )
            for table in (task.values["AR"], task.values["KL"], task.excess["AR"], task.values["placement"])
        )
    return LayerMeans(number, task.task, len(task.questions), ar, kl, excess, placement)


def _missing(study: Study, sides: Sequence[StudySide]) -> list[str]:
    notes = []
    if not any(task.run.control == BOX for task in study.tasks):
        notes.append(
            "Whether answers change when the box is hidden is not known: ask again with lmms-vg run --control box_filled and "
            "name that run, too."
        )
    if not any(
        question.right is not None for side in sides for task in side.tasks.values() for question in task.questions
    ):
        notes.append("Whether answers are right is not known: these questions have no reference that decides it.")
    return notes
