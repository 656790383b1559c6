"""The map of one question over the layers, for several models or for a model before and after a method.

Paper, Figures 1, J.15 to J.23, Q.24 and Q.27. Every row frames its own layer of lowest mean KL over the task.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lmms_vg.runs.plots.style import save, styled
from lmms_vg.runs.tidy_rows import Row
from lmms_vg.study.chosen_layer import plain_of
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import named
from lmms_vg.study.drawn import rule, shown
from lmms_vg.study.figures.map_panel import colour_bar, panel_grid, show_image, show_map
from lmms_vg.study.figures.style import wrapped
from lmms_vg.study.image_place import opened
from lmms_vg.study.questions import StudyQuestion

#: Maps in a row, at most.
_MAPS = 7


def draw(tasks: Sequence[StudiedTask], folder: Path, images: bool = True) -> list[Path]:
    """Draw strips of all models' plain runs, and of every method with its plain run, for questions drawn by `drawn.RULE`."""
    paths = []
    with styled():
        for name in dict.fromkeys(task.task for task in tasks):
            of_name = [task for task in tasks if task.task == name and task.groups]
            plain = [task for task in of_name if task.run.is_plain]
            for number in shown(plain[0]) if plain else ():
                paths += strip(plain, plain[0].questions[number].uid, folder, "strip", images)
            for task in (task for task in of_name if not task.run.is_plain):  # other token rows are no method
                base = plain_of(task, of_name)
                for number in shown(base)[:1] if base is not task else ():
                    paths += strip([base, task], base.questions[number].uid, folder, "before_after", images)
    return paths


def strip(
    tasks: Sequence[StudiedTask],
    uid: str,
    folder: Path,
    name: str,
    images: bool = True,
    layer: int | None = None,
    choice: str = "",
) -> list[Path]:
    """Draw one question, one row per task with its answer; tasks that lack the question are left out.

    Args:
        tasks: the tasks; one has the question.
        uid: the question.
        folder: where to.
        name: how the files' names begin; with "strip" they name no method.
        images: whether to open the image.
        layer: the one layer to show; None for `layers_shown`.
        choice: how the question was chosen; `drawn.rule` by default.
    """
    rows = [(task, i) for task in tasks if (i := _place(task, uid)) is not None]
    question = rows[0][0].questions[rows[0][1]]
    image = opened(question) if images else None
    layers = [layers_shown(task) if layer is None else [layer] for task, _ in rows]
    columns = 1 + max(map(len, layers))
    tall = 1.0 if image is None else min(2.0, image.height / image.width)
    figure, panels = panel_grid(len(rows), columns, tall)
    for line, (task, i), of_row in zip(panels, rows, layers, strict=True):
        _row(line, task, i, image, of_row)
    colour_bar(figure)
    figure.text(0.5, 1.0, _asked(question), ha="center", va="bottom", fontsize=7.5)
    figure.text(0.5, 0.0, wrapped(choice or rule(), 150, 3), ha="center", va="top", fontsize=5.5)
    method = "" if name == "strip" else f"_{rows[-1][0].model}_{rows[-1][0].method}"
    return save(
        figure,
        folder,
        f"{name}_{uid}{method}",
        [row for (task, i), of_row in zip(rows, layers, strict=True) for row in _numbers(task, i, of_row)],
    )


def layers_shown(task: StudiedTask) -> list[int]:
    """Layers that are shown: evenly spread over all, with the one of lowest mean KL, and one that hides patches."""
    wanted = {task.best_layer, *np.flatnonzero(task.hides)[:1].tolist()}
    for layer in np.linspace(0, task.layers - 1, min(_MAPS, task.layers)).round().astype(int).tolist():
        if len(wanted) < min(_MAPS, task.layers):
            wanted.add(layer)
    return sorted(wanted)


def _number(value: float, digits: int) -> str:
    return "-" if np.isnan(value) else f"{value:.{digits}f}"


def answered(question: StudyQuestion) -> str:
    """Return an answer in short, with right or wrong where that is known."""
    verdict = {True: " (right)", False: " (wrong)", None: ""}[question.right]
    return f'"{question.answer}"{verdict}'


def _asked(question: StudyQuestion) -> str:
    reference = f" Reference: {question.reference}" if question.reference else ""
    return wrapped(f"{question.text}{reference}", 110, 2)


def _row(line: Sequence[Any], task: StudiedTask, i: int, image: Image.Image | None, layers: Sequence[int]) -> None:
    question, lift = task.questions[i], task.lift(i)
    show_image(line[0], question, image)
    line[0].set_ylabel(f"{task.model}\n{wrapped(task.method, 20)}", fontsize=6)
    line[0].set_title(wrapped(answered(question), 24, 3), fontsize=5.5)
    for axis in line[1:]:
        axis.set_axis_off()
    if lift is None:
        return
    for axis, layer in zip(line[1:], layers, strict=False):
        axis.set_axis_on()
        show_map(axis, question, image, lift[layer], bool(task.hidden[i, layer]), layer == task.best_layer)
        ar, kl, placed = (float(task.values[name][i, layer]) for name in ("AR", "KL", "placement"))
        shown_kl = "-" if task.hidden[i, layer] else _number(kl, 1)
        axis.set_title(f"layer {layer}\nAR {_number(ar, 1)} KL {shown_kl}\nplace {_number(placed, 2)}", fontsize=5.5)


def _numbers(task: StudiedTask, i: int, layers: Sequence[int]) -> list[Row]:
    return [
        {
            **named(task),
            "uid": task.questions[i].uid,
            "layer": layer,
            "lowest_kl": layer == task.best_layer,
            **{name: float(values[i, layer]) for name, values in task.values.items()},
            "hidden_patches": bool(task.hidden[i, layer]),
            "answer": task.questions[i].answer,
            "reference": task.questions[i].reference,
            "right": task.questions[i].right,
        }
        for layer in layers
    ]


def _place(task: StudiedTask, uid: str) -> int | None:
    return next((i for i, question in enumerate(task.questions) if question.uid == uid), None)
