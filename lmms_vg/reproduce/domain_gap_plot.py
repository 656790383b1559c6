"""The paper's Figure 3 for one model: AR, KL and JS by layer, medical and COCO images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lmms_vg.reproduce.domain_gap import CLAIM, Band, Gaps
from lmms_vg.runs.plots.png import png

_COLOURS = {"medical": "#c62828", "COCO": "#1565c0"}
_BETTER = {"ar": "AR (higher: looks at the boxes)", "kl": "KL (lower: looks at the boxes)", "js": "JS (lower)"}


def draw(found: Sequence[Gaps], title: str) -> bytes:
    """A PNG with one row per kind of question and one column per metric: means with their 95% intervals."""
    figure = Figure(figsize=(12.0, 0.8 + 3.0 * len(found)), layout="constrained")
    panels = figure.subplots(len(found), len(CLAIM), squeeze=False)
    for line, gap in zip(panels, found, strict=True):
        for number, (panel, metric) in enumerate(zip(line, CLAIM, strict=True)):
            for name, band, n in zip(_COLOURS, (gap.medical, gap.coco), gap.n, strict=True):
                _curve(panel, band, number, name, f"{name} (n = {n:,})")
            panel.set_title(f"{gap.kind}: {_BETTER[metric]}", fontsize=9)
            panel.set_xlabel("layer")
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        line[0].legend(fontsize=8)
    figure.suptitle(f"{title}; bands: 95% intervals, images drawn", fontsize=10)
    return png(figure)


def _curve(panel: Any, band: Band, number: int, name: str, label: str) -> None:
    layers = np.arange(band.mean.shape[1])
    panel.plot(
        layers, band.mean[number], color=_COLOURS[name], label=label, linestyle="-" if name == "medical" else "--"
    )
    panel.fill_between(layers, band.low[number], band.high[number], color=_COLOURS[name], alpha=0.2, linewidth=0)
