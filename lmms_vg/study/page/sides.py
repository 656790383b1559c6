"""The sides of the page: which model and method, at which layer, with which tasks, and how their questions line up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lmms_vg.study.collect import StudiedTask, Study
from lmms_vg.study.questions import NATURAL

#: Task and uid.
Asked = tuple[str, str]


class StudySide(NamedTuple):
    """One model under one method.

    Attributes:
        name: model and method in short, as shown.
        model: the model.
        method: the method with its settings.
        plain: whether it is the model's plain run.
        tasks: task -> what was collected.
        places: task -> uid -> number of the question in it.
        layer: the layer that its findings are about.
        chosen: how that layer was chosen, in words.
    """

    name: str
    model: str
    method: str
    plain: bool
    tasks: Mapping[str, StudiedTask]
    places: Mapping[str, Mapping[str, int]]
    layer: int
    chosen: str

    @property
    def layers(self) -> int:
        """Number of layers."""
        return max(task.layers for task in self.tasks.values())


def sides_of(study: Study) -> list[StudySide]:
    """Return the sides, in the order of the runs. Runs under a control are none: their images are not those that are shown."""
    shown = [task for task in study.tasks if not task.run.control]
    grouped: dict[tuple[str, str], dict[str, StudiedTask]] = {}
    for task in shown:
        grouped.setdefault((task.model, task.method), {})[task.task] = task
    layers = {model: _chosen(tasks) for (model, _), tasks in grouped.items() if _is_plain(tasks)}
    sides = []
    for (model, method), tasks in grouped.items():
        plain = _is_plain(tasks)
        layer, chosen = layers.get(model) or _chosen(tasks)
        if not plain and model in layers:
            chosen = "the layer of the plain run"
        places = {name: {question.uid: i for i, question in enumerate(task.questions)} for name, task in tasks.items()}
        name = short_name(next(iter(tasks.values())), shown)
        sides.append(StudySide(name, model, method, plain, tasks, places, layer, chosen))
    return sides


def asked_by(sides: Sequence[StudySide]) -> list[Asked]:
    """Return every question that any side was asked: tasks by name, questions in the order of the first side that has them."""
    tasks = sorted({name for side in sides for name in side.tasks})
    return [
        (name, uid)
        for name in tasks
        for uid in dict.fromkeys(uid for side in sides for uid in side.places.get(name, ()))
    ]


def short_name(task: StudiedTask, tasks: Sequence[StudiedTask]) -> str:
    """Return model and method; the method's settings only where another setting of it is among the tasks."""
    settings = {other.method for other in tasks if (other.model, other.run.name) == (task.model, task.run.name)}
    return f"{task.model} {task.run.name if len(settings) == 1 else task.method}"


def _is_plain(tasks: Mapping[str, StudiedTask]) -> bool:
    return all(task.run.is_plain for task in tasks.values())


def _chosen(tasks: Mapping[str, StudiedTask]) -> tuple[int, str]:
    """Return the layer of lowest mean KL, on natural images where other images are reported, too; and say so."""
    natural = [task for task in tasks.values() if task.side == NATURAL]
    elsewhere = natural if len(natural) < len(tasks) else []
    used = elsewhere or [*tasks.values()]
    depth = min(task.layers for task in tasks.values())
    kl = np.concatenate([task.values["KL"][:, :depth] for task in used])
    # KL is undefined where patches are hidden.
    hidden = np.any([task.hidden[:, :depth].any(axis=0) for task in used], axis=0)
    with np.errstate(invalid="ignore"):
        means = np.where(hidden, np.inf, np.nan_to_num(np.nanmean(kl, axis=0), nan=np.inf))
    words = "lowest mean KL on natural images" if elsewhere else "lowest mean KL on these same questions"
    return int(np.argmin(means)), words
