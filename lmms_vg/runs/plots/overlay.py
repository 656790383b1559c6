"""Draw where models look: the image with its boxes, then the image under one attention map per panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from lmms_vg.runs.plots.png import png
from lmms_vg.vision.patch_grid import Box, Geometry

#: Top of the scale that all maps of all pictures share: four times even attention.
TOP = 4.0

_COLOURS = "inferno"
_BOX = "#00e5ff"


class Panel(NamedTuple):
    """One map over the image.

    Attributes:
        title: what stands above it.
        view: how the image lies on the map's patches.
        lift: (rows, cols), attention over its mean over all patches; 1 is even attention.
        hidden: (rows, cols) bool, the patches that a method hides; None for no such patch.
    """

    title: str
    view: Geometry
    lift: NDArray[np.float64]
    hidden: NDArray[np.bool_] | None = None


def draw_overlay(image: Image.Image, boxes: Sequence[Sequence[float]], panels: Sequence[Panel], title: str) -> bytes:
    """Draw a PNG: first the image with its boxes, then the image under each map.

    All maps share one colour scale, 0 to `TOP`; higher values have its last colour. Patches are drawn as squares, since they
    are what was measured, and hidden ones are hatched.

    Args:
        image: the image.
        boxes: boxes to draw, xyxy in pixels.
        panels: the maps.
        title: title of the picture.
    """
    width, height = 3.2 * (1 + len(panels)), 3.2 * image.height / image.width
    figure = Figure(figsize=(width + 0.5, height + 0.9), layout="constrained")
    first, *others = figure.subplots(1, 1 + len(panels), squeeze=False)[0]
    grey = np.asarray(image.convert("L"))
    for axis in (first, *others):
        axis.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=(0, image.width, image.height, 0))
    first.set_title("image and box" if boxes else "image", fontsize=9)
    for axis, panel in zip(others, panels, strict=True):
        _lay(axis, panel)
        axis.set_title(panel.title, fontsize=9, parse_math=False)
    for axis in (first, *others):
        for x0, y0, x1, y1 in boxes:
            axis.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=_BOX, linewidth=1.6))
        axis.set(xlim=(0, image.width), ylim=(image.height, 0))  # a map's patches may reach beyond the image
        axis.set_axis_off()
    if others:
        scale = ScalarMappable(Normalize(0, TOP), _COLOURS)
        bar = figure.colorbar(scale, ax=others[-1], extend="max", shrink=0.85, pad=0.03, ticks=range(int(TOP) + 1))
        bar.set_label("times even attention", fontsize=8)
        bar.ax.tick_params(labelsize=8)
    figure.suptitle(title, fontsize=10, wrap=True, parse_math=False)
    return png(figure)


def _lay(axis: Any, panel: Panel) -> None:
    """Draw a map over the image; where attention is low the image stays visible."""
    rows, cols = panel.lift.shape
    left, top, _, _ = panel.view.patch_box(0, 0)
    _, _, right, bottom = panel.view.patch_box(rows - 1, cols - 1)
    axis.imshow(
        panel.lift,
        cmap=_COLOURS,
        alpha=np.clip(panel.lift / TOP, 0.1, 0.7),
        vmin=0,
        vmax=TOP,
        interpolation="nearest",
        extent=(left, right, bottom, top),
    )
    hidden = [] if panel.hidden is None else [panel.view.patch_box(*place) for place in np.argwhere(panel.hidden)]
    squares = [_square(box) for box in hidden]
    axis.add_collection(PatchCollection(squares, facecolor="none", edgecolor="white", hatch="////", linewidth=0))


def _square(box: Box) -> Rectangle:
    x0, y0, x1, y1 = box
    return Rectangle((x0, y0), x1 - x0, y1 - y0)
