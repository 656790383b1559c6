"""Several models on the same questions, each at its own layer of lowest mean KL (paper, Figures 1 and Q.24)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lmms_vg.runs.plots.style import save, styled
from lmms_vg.runs.tidy_rows import Row
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import named
from lmms_vg.study.drawn import rule, shown
from lmms_vg.study.figures.map_panel import bare, colour_bar, panel_grid, show_image, show_map
from lmms_vg.study.figures.style import wrapped
from lmms_vg.study.image_place import opened

#: Models in a line at most, so that each panel has room for its title; and letters that fit the width.
_MODELS, _LETTERS = 4, 120


def draw(tasks: Sequence[StudiedTask], folder: Path, images: bool = True) -> list[Path]:
    """Draw one figure per task that several models' plain runs have, of questions drawn by `drawn.RULE`."""
    paths = []
    with styled():
        for name in dict.fromkeys(task.task for task in tasks):
            plain = [task for task in tasks if task.task == name and task.groups and task.run.is_plain]
            numbers = shown(plain[0]) if len(plain) > 1 else []
            if numbers:
                uids = [plain[0].questions[number].uid for number in numbers]
                paths += _figure(plain, uids, folder, f"own_layers_{name}", images)
    return paths


def _figure(tasks: Sequence[StudiedTask], uids: Sequence[str], folder: Path, name: str, images: bool) -> list[Path]:
    lines = [(uid, tasks[at : at + _MODELS]) for uid in uids for at in range(0, len(tasks), _MODELS)]
    columns = 1 + min(len(tasks), _MODELS)
    figure, panels = panel_grid(len(lines), columns, 0.8)
    letters = _LETTERS // columns
    rows: list[Row] = []
    for line, (uid, some) in zip(panels, lines, strict=True):
        first = next(question for question in tasks[0].questions if question.uid == uid)
        image = opened(first) if images else None
        show_image(line[0], first, image)
        line[0].set_title(wrapped(first.text, min(34, letters), 3), fontsize=6)
        for axis in line[1 + len(some) :]:
            axis.set_axis_off()
        for axis, task in zip(line[1:], some, strict=False):
            i = next((i for i, question in enumerate(task.questions) if question.uid == uid), None)
            lift, layer = None if i is None else task.lift(i), task.best_layer
            if i is None or lift is None:
                bare(axis)
                continue
            show_map(axis, task.questions[i], image, lift[layer], bool(task.hidden[i, layer]), best=False)
            values: dict[str, float] = {measure: float(table[i, layer]) for measure, table in task.values.items()}
            place = "-" if np.isnan(values["placement"]) else f"{values['placement']:.2f}"
            name_and_layer = wrapped(f"{task.model}, layer {layer}", letters, 2)
            axis.set_title(f"{name_and_layer}\nAR {values['AR']:.1f}, place {place}", fontsize=6)
            rows.append({**named(task), "uid": uid, "layer": layer, **values})
    colour_bar(figure)
    figure.text(0.5, 0.0, wrapped(rule(), 150, 3), ha="center", va="top", fontsize=5.5)
    return save(figure, folder, name, rows)
