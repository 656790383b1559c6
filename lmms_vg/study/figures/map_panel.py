"""One panel of a picture: an image in its own colours, its boxes, and a map over it on the one scale of all maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from lmms_vg.study.figures.style import BEST, BOX, WIDTH
from lmms_vg.study.image_place import geometry_of
from lmms_vg.study.questions import StudyQuestion

#: Lift at the top of the scale; 1 is even attention.
TOP = 4.0

_MAP = "magma"
_FINE = 16  # parts of a patch's side
_FAINTEST, _STRONGEST = 0.12, 0.75  # opacity of a map, so that the image stays visible


def show_image(axis: Any, question: StudyQuestion, image: Image.Image | None) -> None:
    """Draw the image with its boxes; without an image, say so."""
    bare(axis)
    if image is None:
        axis.text(
            0.5, 0.5, "image not\non this machine", ha="center", va="center", fontsize=6, transform=axis.transAxes
        )
        return
    axis.imshow(image, extent=(0, image.width, image.height, 0), interpolation="nearest")
    _boxes(axis, question)


def show_map(
    axis: Any, question: StudyQuestion, image: Image.Image | None, lift: NDArray[np.float64], hidden: bool, best: bool
) -> None:
    """Draw a map over the image; beside it, on patches, if there is no image or its place on the patches is not known.

    Args:
        axis: the panel.
        question: the question.
        image: its image.
        lift: (rows, cols), 1 is even attention.
        hidden: whether patches are hidden in this layer; those are hatched.
        best: whether this is the layer of lowest mean KL, which is framed.
    """
    bare(axis)
    place = None if image is None else geometry_of(question, image.width, image.height)
    if image is None or place is None:
        axis.imshow(lift, cmap=_MAP, vmin=0, vmax=TOP, interpolation="nearest")
        if question.mask is not None:
            _outline(axis, question.mask)
    else:
        extent = (0, image.width, image.height, 0)
        heat = place.to_pixels(lift)
        axis.imshow(image, extent=extent, interpolation="nearest")
        opacity = np.clip(np.nan_to_num(heat) / TOP, _FAINTEST, _STRONGEST) * np.isfinite(heat)
        axis.imshow(
            np.nan_to_num(heat), cmap=_MAP, vmin=0, vmax=TOP, alpha=opacity, extent=extent, interpolation="nearest"
        )
        if hidden:
            _hatch(axis, heat == 0)
        _boxes(axis, question)
    if best:
        axis.spines[:].set_visible(True)
        axis.spines[:].set(color=BEST, linewidth=2)


def panel_grid(rows: int, columns: int, tall: float) -> tuple[Figure, Any]:
    """Make a figure and its panels, (rows, columns), each `tall` times as high as it is wide, with room for titles."""
    left, right, title = 0.075, 0.93, 0.4  # shares of the width, inches
    width = (right - left) * WIDTH / columns
    height = rows * (width * tall + title)
    figure = Figure(figsize=(WIDTH, height))
    panels = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(left, 0.02, right, 1 - title / height, wspace=0.06, hspace=title / (width * tall))
    return figure, panels


def colour_bar(figure: Figure) -> None:
    """Draw the scale of all maps at the right edge."""
    scale = ScalarMappable(Normalize(0, TOP), _MAP)
    bar = figure.colorbar(scale, cax=figure.add_axes((0.945, 0.2, 0.012, 0.6)), extend="max", ticks=[0, 1, 2, 3, TOP])
    bar.set_label("attention, 1 = even", fontsize=6)
    bar.ax.tick_params(labelsize=6)


def bare(axis: Any) -> None:
    """Take away ticks and frame."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def _boxes(axis: Any, question: StudyQuestion) -> None:
    for x0, y0, x1, y1 in question.boxes:
        axis.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=BOX, linewidth=1.0))


def _outline(axis: Any, mask: NDArray[np.bool_]) -> None:
    """Draw the border of patches; each is cut fine, so that corners stay corners."""
    fine = np.kron(np.pad(mask, 1), np.ones((_FINE, _FINE)))
    down, right = ((np.arange(length) + 0.5) / _FINE - 1.5 for length in fine.shape)
    axis.contour(right, down, fine, levels=[0.5], colors=BOX, linewidths=0.8)


def _hatch(axis: Any, pixels: NDArray[np.bool_]) -> None:
    if pixels.any():
        filled = axis.contourf(pixels, levels=[0.5, 1.5], colors="none", hatches=["//////"])
        filled.set_edgecolor("#bbbbbb")
        filled.set_linewidth(0.0)
