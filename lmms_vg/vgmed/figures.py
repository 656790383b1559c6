"""Pictures of a built data set: its boxes on its images, and its distributions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lmms_vg.runs.plots.png import png
from lmms_vg.vgmed import rle
from lmms_vg.vgmed.balance import rank
from lmms_vg.vgmed.dataset import BuiltDataset
from lmms_vg.vgmed.schema import Item
from lmms_vg.vision.images import open_rgb

COLUMNS = 4
_BOX, _MASK, _BAR = "#D55E00", "#009E73", "#0072B2"


def draw_boxes(built: BuiltDataset, most: int = 12) -> bytes:
    """Draw images with the boxes and mask outlines of one item each, as PNG. The same data set gives the same picture.

    Items are drawn at random, so that nobody shows the best ones only.
    """
    items = sorted(built.items.values(), key=lambda item: rank(0, item.id))[:most]
    rows = -(-len(items) // COLUMNS)
    figure = Figure(figsize=(2.6 * COLUMNS, 2.9 * rows), layout="constrained")
    for place, item in enumerate(items, start=1):
        _draw_item(figure.add_subplot(rows, COLUMNS, place), built, item)
    return png(figure)


def draw_distributions(counts: Mapping[str, Counter[str]], title: str) -> bytes:
    """Draw numbers of items as bars, one panel per property, as PNG."""
    figure = Figure(figsize=(10, 0.9 + 0.28 * max(map(len, counts.values()))), layout="constrained")
    figure.suptitle(title, fontsize=10)
    for place, (name, counter) in enumerate(counts.items(), start=1):
        _draw_bars(figure.add_subplot(1, len(counts), place), name, list(counter.items()))
    return png(figure)


def _draw_item(axes: Axes, built: BuiltDataset, item: Item) -> None:
    axes.imshow(open_rgb(built.image_path(item)), interpolation="nearest")
    axes.contour(rle.decode(item.mask), [0.5], colors=_MASK, linewidths=0.8)
    for x1, y1, x2, y2 in item.boxes:  # pixels are drawn around their centres, so edges lie half a pixel before them
        axes.plot(
            [x1 - 0.5, x2 - 0.5, x2 - 0.5, x1 - 0.5, x1 - 0.5],
            [y1 - 0.5, y1 - 0.5, y2 - 0.5, y2 - 0.5, y1 - 0.5],
            color=_BOX,
            linewidth=1.2,
        )
    axes.set_title(f"{item.label}\n{item.modality}, {item.body_part}, {item.share:.1%}", fontsize=7.5)
    axes.set_axis_off()


def _draw_bars(axes: Axes, name: str, counted: Sequence[tuple[str, int]]) -> None:
    names, numbers = [name for name, _ in counted], [number for _, number in counted]
    bars = axes.barh(names, numbers, color=_BAR)
    axes.bar_label(bars, fontsize=7, padding=2)
    axes.margins(x=0.25)
    axes.invert_yaxis()
    axes.set_title(name, fontsize=9)
    axes.tick_params(labelsize=7.5)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
