"""Draw what attention that never saw a box scores: `python -m benchmarks.blind_looks docs/images/blind_looks.png`.

Small boxes (2 to 6 patches wide of 24) against large ones (6 to 14), 300 questions each, two an image. Each panel is one
kind of look; a bar is the difference between small and large boxes with its 95% interval, of raw values and of excess over
maps of other images. Blind attention deserves 0. The last panel is attention that is twice as dense in the box.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.metrics.donors import MapOwner, of_other_images
from lmms_vg.metrics.nulls import Null, null
from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.runs.plots.png import png

SIDE, N = 24, 300
SMALL, LARGE = (2, 3, 4, 5, 6), (6, 8, 10, 12, 14)
ROW, COL = np.mgrid[:SIDE, :SIDE]
CENTRE = np.exp(-((ROW - 11.5) ** 2 + (COL - 11.5) ** 2) / 72)
PANELS = {
    "blind": (False, False, 1.0),
    "blind, prefers the middle": (True, False, 1.0),
    "blind, prefers the middle,\nboxes in the middle": (True, True, 1.0),
    "looks (twice as dense in the box)": (False, False, 2.0),
}
COLOURS = {"raw": "#c62828", "excess over other images": "#1565c0"}


def main() -> None:
    """Write the picture that is named."""
    figure = Figure(figsize=(12, 3.2), layout="constrained")
    axes = figure.subplots(1, len(PANELS), sharey=True)
    for axis, (title, (biased, centred, looks)) in zip(axes, PANELS.items(), strict=True):
        small, large = (measured(sides, biased, centred, looks, seed) for seed, sides in enumerate((SMALL, LARGE)))
        for shift, (name, colour) in zip((-0.15, 0.15), COLOURS.items(), strict=True):
            for place, metric in enumerate(("log_ar", "kl", "js")):
                first, second = (
                    getattr(side.value if name == "raw" else side.excess, metric)[:, 0] for side in (small, large)
                )
                difference, ends = first - second, cluster_interval(first - second, [i // 2 for i in range(N)])
                axis.plot([place + shift] * 2, ends, color=colour, linewidth=3)
                axis.plot(place + shift, difference.mean(), "o", color=colour, label=name if place == 0 else None)
        axis.axhline(0, color="#555555", linestyle=":", linewidth=1)
        axis.set_xticks(range(3), ["log AR", "KL", "JS"])
        axis.set_title(title, fontsize=9)
    axes[0].set_ylabel("small boxes minus large ones")
    axes[-1].legend(fontsize=8, loc="upper right")
    replace_file(Path(sys.argv[1]), png(figure))


def measured(sides: tuple[int, ...], biased: bool, centred: bool, looks: float, seed: int) -> Null:
    """Measure noise that is blind to its boxes, or `looks` times as dense in them."""
    rng = np.random.default_rng(seed)
    maps, masks = np.empty((N, 1, SIDE**2)), np.zeros((N, SIDE**2))
    for i in range(N):
        box = placed(rng, sides, centred)
        noise = np.exp(0.8 * rng.standard_normal((SIDE, SIDE))) * (CENTRE if biased else 1)
        maps[i, 0], masks[i] = (noise * np.where(box, looks, 1)).ravel(), box.ravel()
    asked = [MapOwner(f"{seed} {i}", f"{i // 2}", f"{i // 2}", SIDE) for i in range(N)]
    return null(maps, masks, of_other_images(asked))


def placed(rng: np.random.Generator, sides: tuple[int, ...], centred: bool) -> NDArray[np.bool_]:
    """Return a box of these side lengths, anywhere or about the middle."""
    box, lengths = np.zeros((SIDE, SIDE), bool), rng.choice(sides, 2)
    if centred:
        y, x = (int(np.clip(round((SIDE - k) / 2 + rng.normal(0, 2.5)), 0, SIDE - k)) for k in lengths)
    else:
        y, x = (int(rng.integers(0, SIDE + 1 - k)) for k in lengths)
    box[y : y + lengths[0], x : x + lengths[1]] = True
    return box


if __name__ == "__main__":
    main()
