"""Several models on the same questions, each at its own layer of lowest mean KL (paper, Figures 1 and Q.24)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import named
from lmms_vg.study.drawn import rule, shown
from lmms_vg.study.figures.map_panel import bare, colour_bar, panel_grid, show_image, show_map
from lmms_vg.study.figures.style import save, styled, wrapped
from lmms_vg.study.image_place import opened
from lmms_vg.study.study_table import Row


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
    figure, panels = panel_grid(len(uids), 1 + len(tasks), 0.8)
    rows: list[Row] = []
    for line, uid in zip(panels, uids, strict=True):
        first = next(question for question in tasks[0].questions if question.uid == uid)
        image = opened(first) if images else None
        show_image(line[0], first, image)
        line[0].set_title(wrapped(first.text, 34, 2), fontsize=6)
        for axis, task in zip(line[1:], tasks, strict=True):
            i = next((i for i, question in enumerate(task.questions) if question.uid == uid), None)
            lift, layer = None if i is None else task.lift(i), task.best_layer
            if i is None or lift is None:
                bare(axis)
                continue
            show_map(axis, task.questions[i], image, lift[layer], bool(task.hidden[i, layer]), best=False)
            values: dict[str, float] = {measure: float(table[i, layer]) for measure, table in task.values.items()}
            place = "-" if np.isnan(values["placement"]) else f"{values['placement']:.2f}"
            axis.set_title(f"{task.model}, layer {layer}\nAR {values['AR']:.1f}, place {place}", fontsize=6)
            rows.append({**named(task), "uid": uid, "layer": layer, **values})
    colour_bar(figure)
    figure.text(0.5, 0.0, wrapped(rule(), 150, 3), ha="center", va="top", fontsize=5.5)
    return save(figure, folder, name, rows)
