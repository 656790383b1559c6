"""The map of one question over the layers, for several models or for a model before and after a method.

Paper, Figures 1, J.15 to J.23, Q.24 and Q.27. Every row frames its own layer of lowest mean KL over the task.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lmms_vg.study.chosen_layer import plain_of
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import named
from lmms_vg.study.drawn import rule, shown
from lmms_vg.study.figures.map_panel import colour_bar, panel_grid, show_image, show_map
from lmms_vg.study.figures.style import save, styled, wrapped
from lmms_vg.study.image_place import opened
from lmms_vg.study.study_table import Row

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
            for task in of_name:
                base = plain_of(task, of_name)
                for number in shown(base)[:1] if base is not task else ():
                    paths += strip([base, task], base.questions[number].uid, folder, "before_after", images)
    return paths


def strip(tasks: Sequence[StudiedTask], uid: str, folder: Path, name: str, images: bool = True) -> list[Path]:
    """Draw one question, one row per task; tasks that lack it are left out."""
    rows = [(task, i) for task in tasks if (i := _place(task, uid)) is not None]
    question = rows[0][0].questions[rows[0][1]]
    image = opened(question) if images else None
    columns = 1 + max(len(layers_shown(task)) for task, _ in rows)
    tall = 1.0 if image is None else min(2.0, image.height / image.width)
    figure, panels = panel_grid(len(rows), columns, tall)
    for line, (task, i) in zip(panels, rows, strict=True):
        _row(line, task, i, image)
    colour_bar(figure)
    figure.text(0.5, 1.0, wrapped(question.text, 110, 2), ha="center", va="bottom", fontsize=7.5)
    figure.text(0.5, 0.0, wrapped(rule(), 150, 3), ha="center", va="top", fontsize=5.5)
    method = "" if name == "strip" else f"_{rows[-1][0].model}_{rows[-1][0].method}"
    return save(figure, folder, f"{name}_{uid}{method}", [row for task, i in rows for row in _numbers(task, i)])


def layers_shown(task: StudiedTask) -> list[int]:
    """Layers that are shown: evenly spread over all, with the one of lowest mean KL, and one that hides patches."""
    wanted = {task.best_layer, *np.flatnonzero(task.hides)[:1].tolist()}
    for layer in np.linspace(0, task.layers - 1, min(_MAPS, task.layers)).round().astype(int).tolist():
        if len(wanted) < min(_MAPS, task.layers):
            wanted.add(layer)
    return sorted(wanted)


def _row(line: Sequence[Any], task: StudiedTask, i: int, image: Image.Image | None) -> None:
    question, lift = task.questions[i], task.lift(i)
    show_image(line[0], question, image)
    line[0].set_ylabel(f"{task.model}\n{wrapped(task.method, 20)}", fontsize=6)
    for axis in line[1:]:
        axis.set_axis_off()
    if lift is None:
        return
    for axis, layer in zip(line[1:], layers_shown(task), strict=False):
        axis.set_axis_on()
        show_map(axis, question, image, lift[layer], bool(task.hidden[i, layer]), layer == task.best_layer)
        ar, kl, placed = (float(task.values[name][i, layer]) for name in ("AR", "KL", "placement"))
        shown_kl = "-" if task.hidden[i, layer] else f"{kl:.1f}"
        place = "-" if np.isnan(placed) else f"{placed:.2f}"
        axis.set_title(f"layer {layer}\nAR {ar:.1f} KL {shown_kl}\nplace {place}", fontsize=5.5)


def _numbers(task: StudiedTask, i: int) -> list[Row]:
    return [
        {
            **named(task),
            "uid": task.questions[i].uid,
            "layer": layer,
            "lowest_kl": layer == task.best_layer,
            **{name: float(values[i, layer]) for name, values in task.values.items()},
            "hidden_patches": bool(task.hidden[i, layer]),
            "answer": task.questions[i].answer,
        }
        for layer in layers_shown(task)
    ]


def _place(task: StudiedTask, uid: str) -> int | None:
    return next((i for i, question in enumerate(task.questions) if question.uid == uid), None)
