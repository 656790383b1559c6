"""The heads on medical and on natural images, and whether they are the same (paper, Figure D.1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from lmms_vg.metrics.alignment import Array
from lmms_vg.study.figures.style import GREY, save, styled
from lmms_vg.study.head_tables import RunHeads, best, rank_correlation
from lmms_vg.study.head_tables import table as table_of
from lmms_vg.study.questions import MEDICAL, NATURAL

#: Heads that are framed.
_FRAMED = 20

_FRAME = "#000000"


def draw(heads: Sequence[RunHeads], folder: Path) -> list[Path]:
    """Draw the heads of every run: one map per side on one scale, and medical against natural if there are both."""
    paths = []
    with styled():
        for one in heads:
            paths += save(_figure(one), folder, f"heads_{one.model}_{one.run.name}", table_of([one]).rows)
    return paths


def _figure(heads: RunHeads) -> Figure:
    sides = {name: heads.sides[name].means("kl") for name in sorted(heads.sides)}
    layers, number = next(iter(sides.values())).shape
    keep = min(_FRAMED, max(1, layers * number // 6))
    scatter = heads.has_both
    wide = len(sides) + scatter
    figure = Figure(figsize=(2.4 * wide + 0.4, 2.9), layout="constrained")
    panels = figure.subplots(1, wide, squeeze=False)[0]
    every = np.concatenate([values.ravel() for values in sides.values()])
    for panel, (name, values) in zip(panels, sides.items(), strict=False):
        picture = _map(panel, values, every, heads.sides[name].even, keep)
        panel.set_title(f"{name} (n = {heads.sides[name].n:,})", loc="left", fontsize=7.5)
        figure.colorbar(picture, ax=panel, orientation="horizontal", shrink=0.9, extend="max", label="mean KL (nats)")
    panels[0].set_ylabel("layer")
    if scatter:
        _scatter(panels[-1], sides[MEDICAL], sides[NATURAL], heads, keep)
    note = f"white: KL of even attention on the same boxes; framed: the {keep} heads of lowest KL"
    figure.suptitle(
        f"{heads.model}, {heads.run.label}; blue: lower KL than even attention, red: higher; {note}",
        fontsize=6.5,
        wrap=True,
    )
    return figure


def _map(panel: Any, values: Array, every: Array, even: float, keep: int) -> Any:
    low, high = float(every.min()), float(np.percentile(every, 98))
    middle = even if np.isfinite(even) else float(np.median(every))
    span = max(middle - low, high - middle, 1e-6)
    norm = TwoSlopeNorm(middle, middle - span, middle + span)
    picture = panel.imshow(values, cmap="RdBu_r", norm=norm, interpolation="nearest", aspect="auto")
    for place in best(values, "kl", keep):
        layer, head = divmod(place, values.shape[1])
        panel.add_patch(Rectangle((head - 0.5, layer - 0.5), 1, 1, fill=False, edgecolor=_FRAME, linewidth=0.8))
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    panel.set_xlabel("head")
    panel.spines[:].set_visible(False)
    return picture


def _scatter(panel: Any, medical: Array, natural: Array, heads: RunHeads, keep: int) -> None:
    both = sorted(set(best(medical, "kl", keep)) & set(best(natural, "kl", keep)))
    panel.scatter(natural, medical, s=6, color=GREY, alpha=0.6, linewidth=0)
    label = f"in both best {keep}: {len(both)}\n(by chance {keep * keep / medical.size:.1f})"
    panel.scatter(natural.ravel()[both], medical.ravel()[both], s=14, color="#D55E00", label=label)
    ends = [min(medical.min(), natural.min()), max(medical.max(), natural.max())]
    panel.plot(ends, ends, color=GREY, linewidth=0.7, linestyle=":")
    for axis, side in ((panel.axvline, NATURAL), (panel.axhline, MEDICAL)):
        axis(heads.sides[side].even, color="black", linewidth=0.5, linestyle="--")
    panel.set_xlabel("KL, natural")
    panel.set_ylabel("KL, medical")
    panel.set_title(
        f"rank correlation {rank_correlation(medical.ravel(), natural.ravel()):.2f}", loc="left", fontsize=7.5
    )
    panel.legend(loc="lower right")
