"""The paper's Figure 3 for one model: AR, KL and JS by layer, medical and COCO images, raw and on excess."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lmms_vg.reproduce.domain_gap import Gaps
from lmms_vg.reproduce.gap_band import CLAIM, Band
from lmms_vg.reproduce.gap_on_excess import GapOnExcess
from lmms_vg.runs.plots.png import png

_COLOURS = {"medical": "#c62828", "COCO": "#1565c0"}
_RAW = {"ar": "AR (higher: looks at the boxes)", "kl": "KL (lower: looks at the boxes)", "js": "JS (lower)"}
_EXCESS = {"ar": "excess of log AR", "kl": "excess of KL", "js": "excess of JS"}


def draw(gaps: Sequence[Gaps], title: str) -> bytes:
    """Return a PNG with one row per kind of question, a second one of excess where there is one, and one column per metric."""
    rows = [(gap, over) for gap in gaps for over in (None, gap.on_excess) if not isinstance(over, str)]
    figure = Figure(figsize=(12.0, 0.9 + 3.0 * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), len(CLAIM), squeeze=False)
    for line, (gap, over) in zip(panels, rows, strict=True):
        _row(line, gap, over)
    figure.suptitle(
        f"{title}; bands: 95% intervals, images drawn; dotted: attention that is even over the image", fontsize=10
    )
    return png(figure)


def _row(line: Any, gap: Gaps, over: GapOnExcess | None) -> None:
    shown = gap if over is None else over
    raw = gap.on_excess if over is None and not isinstance(gap.on_excess, str) else None
    apart = ", grids differ: not on one scale" if raw is not None and raw.grids[0] != raw.grids[1] else ""
    for number, (panel, metric) in enumerate(zip(line, CLAIM, strict=True)):
        for side, (name, band) in enumerate(zip(_COLOURS, (shown.medical, shown.coco), strict=True)):
            _curve(panel, band, number, name, f"{name} (n = {shown.n[side]:,})")
            if raw is not None:
                panel.axhline(raw.even[side, number], color=_COLOURS[name], linestyle=":", linewidth=1)
        if over is not None:
            panel.axhline(0, color="#555555", linestyle=":", linewidth=1)
        panel.set_title(f"{gap.kind}: {(_RAW if over is None else _EXCESS)[metric]}{apart}", fontsize=9)
        panel.set_xlabel("layer")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    line[0].legend(fontsize=8)


def _curve(panel: Any, band: Band, number: int, name: str, label: str) -> None:
    layers = np.arange(band.mean.shape[1])
    panel.plot(
        layers, band.mean[number], color=_COLOURS[name], label=label, linestyle="-" if name == "medical" else "--"
    )
    panel.fill_between(layers, band.low[number], band.high[number], color=_COLOURS[name], alpha=0.2, linewidth=0)
