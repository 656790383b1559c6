"""Draw the heat map of a head list (paper, Fig. D.1): how well every head of every layer grounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lmms_vg.runs.plots.png import png

#: Colour of the marks of chosen heads and proposed layers, far from every colour of the map.
MARK = "#ff6d00"


def draw_heat_map(
    kl: NDArray[np.float64],
    heads: Sequence[tuple[int, int]],
    layers: Sequence[int],
    title: str,
) -> bytes:
    """Draw a PNG with one row per layer and one column per head, dark where the KL is low.

    Args:
        kl: Mean KL, (layers, heads). Colours range from its minimum to its 95th percentile: otherwise a few heads with a
            very high KL would leave no colours for the others.
        heads: (layer, head) pairs to frame.
        layers: Layers to mark with an arrow.
        title: Title of the picture.
    """
    rows, columns = kl.shape
    cell = float(np.clip(7.0 / max(rows, columns), 0.14, 0.5))  # inches
    figure = Figure(figsize=(max(columns * cell, 3) + 1.6, max(rows * cell, 2.4) + 1.2), layout="constrained")
    axis = figure.subplots()
    picture = axis.imshow(kl, cmap="Blues_r", vmin=float(kl.min()), vmax=float(np.percentile(kl, 95)), aspect="equal")
    for layer, head in heads:
        axis.add_patch(Rectangle((head - 0.5, layer - 0.5), 1, 1, fill=False, edgecolor=MARK, linewidth=1.6))
    for layer in layers:
        axis.annotate(
            "",
            xy=(columns - 0.4, layer),
            xytext=(columns - 0.4 + 0.22 / cell, layer),
            arrowprops={"arrowstyle": "-|>", "color": MARK, "linewidth": 1.6},
            annotation_clip=False,
        )
    for side, name in ((axis.xaxis, "head"), (axis.yaxis, "layer")):
        side.set_major_locator(MaxNLocator(nbins=14, integer=True, steps=[1, 2, 4, 5, 10]))
        side.set_label_text(name)
    axis.set_xlim(-0.5, columns - 0.5)
    axis.set_ylim(rows - 0.5, -0.5)
    figure.colorbar(
        picture,
        ax=axis,
        label="mean KL (low: looks where it should)",
        extend="max",
        extendfrac=0.03,
        shrink=0.85,
        pad=0.08,
    )
    axis.set_title(title, fontsize=9, wrap=True)
    return png(figure)
