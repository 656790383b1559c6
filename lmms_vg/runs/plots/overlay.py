"""Draw where models look: the image with its boxes, then one attention map per model over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.runs.plots.png import png


def draw_overlay(
    image: Image.Image,
    boxes: Sequence[Sequence[float]],
    maps: Mapping[str, NDArray[np.float64]],
    title: str,
    out: Path,
) -> None:
    """Write a PNG: first the image with its boxes, then the image under each map.

    Args:
        image: The image.
        boxes: Boxes to draw, xyxy in pixels.
        maps: Panel title -> map in the image's pixels, (height, width); NaN where the model does not see the image. Each map
            has its own colour scale, from 0 to its 99.5th percentile.
        title: Title of the picture.
        out: File to write; its folder is created.
    """
    panels = 1 + len(maps)
    figure = Figure(figsize=(3.2 * panels, 3.2 * image.height / image.width + 0.7), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    grey = np.asarray(image.convert("L"))
    for axis, (name, heat) in zip(axes, [("image and box", None), *maps.items()], strict=True):
        axis.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=(0, image.width, image.height, 0))
        if heat is not None:
            top = float(np.nanpercentile(heat, 99.5)) or 1.0
            scaled = np.nan_to_num(heat) / top  # the image stays visible where attention is low
            axis.imshow(
                scaled,
                cmap="inferno",
                alpha=np.clip(scaled, 0.1, 0.7),
                vmin=0,
                vmax=1,
                extent=(0, image.width, image.height, 0),
            )
        for x0, y0, x1, y1 in boxes:
            axis.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor="#00e5ff", linewidth=1.6))
        axis.set_title(name, fontsize=9)
        axis.set_axis_off()
    figure.suptitle(title, fontsize=10, wrap=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    replace_file(out, png(figure))
