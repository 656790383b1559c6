"""Content of the questions: their number by modality, body part and organ (paper, Figure 2 b), and by size of the box."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lmms_vg.runs.plots.style import save, styled
from lmms_vg.runs.tidy_rows import Row
from lmms_vg.study.breakdown_table import AXES, BINS
from lmms_vg.study.figures.style import GREY, SIDES, WIDTH
from lmms_vg.study.questions import StudyQuestion

_SHOWN = ("modality", "body part", "organ", "box share")
_MOST = 12  # categories; the table has all


def table_rows(questions: Iterable[StudyQuestion]) -> list[Row]:
    """Return one row per side, axis and category, with every question once, whoever answered it; box sizes only where known."""
    asked = {(question.side, question.uid): question for question in questions}
    rows: list[Row] = []
    for side in dict.fromkeys(side for side, _ in asked):
        own = [question for (of, _), question in asked.items() if of == side]
        for axis in _SHOWN if any(question.mask is not None for question in own) else _SHOWN[:-1]:
            shown: dict[str, list[str]] = defaultdict(list)
            for question in own:
                shown[AXES[axis](question)].append(question.image)
            for name, images in sorted(shown.items(), key=lambda item: (-len(item[1]), item[0])):
                rows.append(
                    {"side": side, "axis": axis, "category": name, "n": len(images), "images": len(set(images))}
                )
    return rows


def draw(rows: Sequence[Row], folder: Path, name: str = "content") -> list[Path]:
    """Draw bars of the numbers of `table_rows`, one line of panels per side; nothing without rows."""
    if not rows:
        return []
    with styled():
        sides = list(dict.fromkeys(row["side"] for row in rows))
        figure = Figure(figsize=(WIDTH, 0.6 + 1.9 * len(sides)), layout="constrained")
        axes = list(dict.fromkeys(row["axis"] for row in rows))
        panels = figure.subplots(len(sides), len(axes), squeeze=False)
        for line, side in zip(panels, sides, strict=True):
            for panel, axis in zip(line, axes, strict=True):
                own = [row for row in rows if (row["side"], row["axis"]) == (side, axis)]
                if not own:
                    panel.set_axis_off()
                    continue
                own = sorted(own, key=lambda row: BINS.index(row["category"])) if _binned(own) else own
                own = own[:_MOST][::-1]
                names = [row["category"][:18] for row in own]
                panel.barh(
                    range(len(own)),
                    [row["n"] for row in own],
                    color=SIDES[side].colour if side in SIDES else GREY,
                    height=0.7,
                )
                panel.set_yticks(range(len(own)), names, fontsize=5.5)
                panel.set_ylim(min(len(own) - 4, 0) - 0.6, len(own) - 0.4)
                panel.tick_params(axis="x", labelsize=6)
                panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
                panel.set_title(f"{side}: {axis}", loc="left", fontsize=7)
        figure.supxlabel(
            "questions, or sources; categories are the data set's, or those of the source in the paper's Table C.2",
            fontsize=6.5,
        )
        return save(figure, folder, name, rows)


def _binned(rows: Sequence[Row]) -> bool:
    return all(row["category"] in BINS for row in rows)
