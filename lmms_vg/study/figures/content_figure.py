"""What the questions are about: questions by modality, body part and organ (paper, Figure 2 b), and by size of the box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from lmms_vg.study.breakdown_table import AXES, BINS
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.figures.style import SIDES, WIDTH, save, styled
from lmms_vg.study.study_table import Row

_SHOWN = ("modality", "body part", "organ", "box share")
_MOST = 12  # categories; the table has all


def table_rows(tasks: Sequence[StudiedTask]) -> list[Row]:
    """One row per side, axis and category, with questions and images of every task once, whoever answered them."""
    asked = {(task.side, question.uid): question for task in tasks for question in task.questions}
    rows: list[Row] = []
    for side in dict.fromkeys(side for side, _ in asked):
        own = [question for (of, _), question in asked.items() if of == side]
        for axis in _SHOWN:
            counts = Counter(AXES[axis](question) for question in own)
            for name, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
                images = {question.image for question in own if AXES[axis](question) == name}
                rows.append({"side": side, "axis": axis, "category": name, "n": n, "images": len(images)})
    return rows


def draw(tasks: Sequence[StudiedTask], folder: Path) -> list[Path]:
    """Draw bars of the numbers of questions."""
    rows = table_rows(tasks)
    if not rows:
        return []
    with styled():
        sides = list(dict.fromkeys(row["side"] for row in rows))
        figure = Figure(figsize=(WIDTH, 0.6 + 1.9 * len(sides)), layout="constrained")
        panels = figure.subplots(len(sides), len(_SHOWN), squeeze=False)
        for line, side in zip(panels, sides, strict=True):
            for panel, axis in zip(line, _SHOWN, strict=True):
                own = [row for row in rows if (row["side"], row["axis"]) == (side, axis)]
                own = sorted(own, key=lambda row: BINS.index(row["category"])) if _binned(own) else own
                own = own[:_MOST][::-1]
                names = [row["category"][:18] for row in own]
                panel.barh(range(len(own)), [row["n"] for row in own], color=SIDES[side].colour, height=0.7)
                panel.set_yticks(range(len(own)), names, fontsize=5.5)
                panel.set_ylim(min(len(own) - 4, 0) - 0.6, len(own) - 0.4)
                panel.tick_params(axis="x", labelsize=6)
                panel.set_title(f"{side}: {axis}", loc="left", fontsize=7)
        figure.supxlabel(
            "questions; categories are those of the data set, or of the source in the paper's Table C.2", fontsize=6.5
        )
        return save(figure, folder, "content", rows)


def _binned(rows: Sequence[Row]) -> bool:
    return all(row["category"] in BINS for row in rows)
