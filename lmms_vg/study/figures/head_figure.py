"""The heads on medical and on natural images, and whether they are the same (paper, Figure D.1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from lmms_vg.metrics.alignment import Array
from lmms_vg.metrics.head_ranking import shared_by_chance
from lmms_vg.runs.plots.style import save, styled
from lmms_vg.study.figures.style import GREY
from lmms_vg.study.head_tables import RunHeads, best, partial_rank_correlation, rank_correlation, spread_of
from lmms_vg.study.head_tables import table as table_of
from lmms_vg.study.questions import MEDICAL, NATURAL

#: Heads that are framed.
_FRAMED = 20

_FRAME = "#000000"


def draw(heads: Sequence[RunHeads], folder: Path) -> list[Path]:
    """Draw the heads of every run: one map per side on one scale, and medical against natural if there are both."""
    paths = []
    with styled():
        for entry in heads:
            paths += save(_figure(entry), folder, f"heads_{entry.model}_{entry.run.label}", table_of([entry]).rows)
    return paths


def _figure(heads: RunHeads) -> Figure:
    names = sorted(heads.sides)
    even = {name: heads.sides[name].even["kl"] for name in names}
    known = all(np.isfinite(value) for value in even.values())
    # KL of even attention is a property of a side's boxes: over it, both sides are on one scale.
    maps = {name: heads.sides[name].means("kl") - (even[name] if known else 0) for name in names}
    keep = min(_FRAMED, max(1, maps[names[0]].size // 6))
    wide = len(names) + heads.has_both
    figure = Figure(figsize=(2.4 * wide + 0.4, 2.8), layout="constrained")
    panels = figure.subplots(1, wide, squeeze=False)[0]
    every = np.concatenate([values.ravel() for values in maps.values()])
    for panel, name in zip(panels, names, strict=False):
        picture = _map(panel, maps[name], every, keep, known)
        panel.set_title(f"{name} (n = {heads.sides[name].n:,})", loc="left", fontsize=7.5)
    panels[0].set_ylabel("layer")
    what = "mean KL minus that of even attention (nats)" if known else "mean KL (nats)"
    figure.colorbar(
        picture, ax=panels[: len(names)].tolist(), location="bottom", extend="max", shrink=0.6, aspect=40, label=what
    )
    if heads.has_both:
        _scatter(panels[-1], maps[MEDICAL], maps[NATURAL], keep, known, spread_of(heads))
    note = (
        "blue: better than even attention on the same boxes, red: worse"
        if known
        else "no kept maps, so no even attention"
    )
    figure.suptitle(
        f"{heads.model}, {heads.run.label}; framed: the {keep} heads of lowest KL; {note}", fontsize=6.5, wrap=True
    )
    return figure


def _map(panel: Any, values: Array, every: Array, keep: int, known: bool) -> Any:
    reach = max(-float(every.min()), float(np.percentile(every, 98)), 1e-6)
    colours = {"cmap": "RdBu_r", "vmin": -reach, "vmax": reach} if known else {"cmap": "viridis_r"}
    picture = panel.imshow(values, interpolation="nearest", aspect="auto", **colours)
    for place in best(values, "kl", keep):
        layer, head = divmod(place, values.shape[1])
        panel.add_patch(Rectangle((head - 0.5, layer - 0.5), 1, 1, fill=False, edgecolor=_FRAME, linewidth=0.8))
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    panel.set_xlabel("head")
    panel.spines[:].set_visible(False)
    return picture


def _scatter(panel: Any, medical: Array, natural: Array, keep: int, known: bool, spread: Array | None) -> None:
    both = sorted({*best(medical, "kl", keep)} & {*best(natural, "kl", keep)})
    panel.scatter(natural, medical, s=6, color=GREY, alpha=0.6, linewidth=0)
    panel.scatter(natural.ravel()[both], medical.ravel()[both], s=14, color="#D55E00")
    ends = [min(medical.min(), natural.min()), max(medical.max(), natural.max())]
    panel.plot(ends, ends, color=GREY, linewidth=0.7, linestyle=":")
    if known:
        panel.axhline(0, color="black", linewidth=0.5, linestyle="--")
        panel.axvline(0, color="black", linewidth=0.5, linestyle="--")
    over = " over even" if known else ""
    panel.set_xlabel(f"KL{over}, natural")
    panel.set_ylabel(f"KL{over}, medical")
    rank = rank_correlation(medical.ravel(), natural.ravel())
    shared = f"in both best {keep}: {len(both)} (by chance {shared_by_chance(keep, medical.size).mean:.1f})"
    without = ""
    partial = np.nan if spread is None else partial_rank_correlation(medical.ravel(), natural.ravel(), spread)
    if np.isfinite(partial):
        without = f" ({partial:.2f}, entropy taken out)"
    panel.set_title(f"rank correlation {rank:.2f}{without}\n{shared}", loc="left", fontsize=7)
