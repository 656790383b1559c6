"""Strips of questions that a user names, from the maps that finished runs have kept: nothing is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lmms_vg._util.suggest import suggest
from lmms_vg.runs.plots.style import styled
from lmms_vg.runs.results import Run
from lmms_vg.study.chosen_layer import chosen
from lmms_vg.study.collect import StudiedTask, collect
from lmms_vg.study.figures.strip_figure import strip


class Wanted(NamedTuple):
    """The choice of the questions to show, from those of the first run.

    Attributes:
        uid: this one; empty for others.
        worst: this many whose boxes have least attention beside maps of other images; 0 for others.
        lost_against: those that the first run answers wrongly and the second one rightly.
        n: how many are drawn, where neither a name nor a number says it.
        seed: of the draw.
    """

    uid: str = ""
    worst: int = 0
    lost_against: bool = False
    n: int = 4
    seed: int = 0


def draw(runs: Sequence[Run], out: Path, wanted: Wanted, layer: int | None = None) -> list[Path]:
    """Draw a strip per chosen question, one row per run, and return the paths.

    Args:
        runs: finished runs; the first decides which questions are shown.
        out: folder of the pictures.
        wanted: which questions.
        layer: the layer to show, from 0; None for layers spread over all.

    Raises:
        ValueError: there are no kept maps, no such question or no such layer.
    """
    study = collect(runs)
    paths: list[Path] = []
    for first in [task for task in study.tasks if task.run is runs[0]]:
        of_task = [task for task in study.tasks if task.task == first.task and task.groups]
        if first not in of_task:
            continue
        if layer is not None and not 0 <= layer < first.layers:
            raise ValueError(f"--layer {layer}: allowed is 0 to {first.layers - 1}")
        uids, choice = chosen_questions(first, of_task, wanted)
        with styled():
            for uid in uids:
                paths += strip(of_task, uid, out, "strip", layer=layer, choice=choice)
    if not paths:
        raise ValueError("\n".join([_nothing(study.tasks, runs[0], wanted), *map(str, study.missing)]))
    return paths


def chosen_questions(first: StudiedTask, others: Sequence[StudiedTask], wanted: Wanted) -> tuple[list[str], str]:
    """Return the uids that are shown of a task, and how they were chosen, in words."""
    uids = [question.uid for question in first.questions]
    if wanted.uid:
        return [uid for uid in uids if uid == wanted.uid], "this question was named"
    if wanted.worst:
        layer = chosen(first, others)
        worse = layer.of(first.excess["AR"], first.units)
        by = "log AR minus that of maps of other images"
        if not np.isfinite(worse).any():
            worse, by = layer.of(first.values["placement"], first.units), "placement"
        order = [i for i in np.argsort(worse, kind="stable") if np.isfinite(worse[i])]
        choice = f"the {wanted.worst} questions of least {by} in layer {layer.said} of {first.model}, {first.method}"
        return [uids[i] for i in order[: wanted.worst]], choice
    choice = f"drawn at random (seed {wanted.seed})"
    if wanted.lost_against:
        other = next((task for task in others if task is not first), None)
        right = {} if other is None else {question.uid: question.right for question in other.questions}
        uids = [question.uid for question in first.questions if question.right is False and right.get(question.uid)]
        choice += f" of the {len(uids)} questions that {first.method} answers wrongly and the second run rightly"
    rng = np.random.default_rng(wanted.seed)
    return [uids[i] for i in sorted(rng.permutation(len(uids))[: wanted.n])], choice


def _nothing(tasks: Sequence[StudiedTask], run: Run, wanted: Wanted) -> str:
    known = [question.uid for task in tasks if task.run is run for question in task.questions]
    if wanted.uid:
        return f"--uid {wanted.uid}: {suggest(wanted.uid, known)}{run.path} has maps of {len(known)} questions, not of this"
    if wanted.lost_against:
        return f"--lost-against: {run.path} answers no question wrongly that the other run answers rightly"
    return f"{run.path}: no question has kept maps"
