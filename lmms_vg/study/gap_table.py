"""Do models look worse on medical images than on natural ones? The paper's claim, raw and corrected for the size of boxes.

The two sets share no image, so each is resampled by itself. KL and JS of any attention depend on box size, and so does the
excess of a model that does look. So the gap is also given within bins of box size, and for one distribution of box sizes: the
gaps of all bins with ten images or more on both sides, weighted by the medical questions in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.statistics import FEW
from lmms_vg.runs.grounding import HIDDEN
from lmms_vg.runs.layer_choice import LayerChoice
from lmms_vg.runs.tidy_rows import SEED, Row
from lmms_vg.study.breakdown_table import BINS, bin_of
from lmms_vg.study.chosen_layer import common
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import named
from lmms_vg.study.image_band import ImageBand, bands
from lmms_vg.study.layer_values import BETTER, MEASURES, LayerTable, Measure, silent
from lmms_vg.study.questions import MEDICAL, NATURAL
from lmms_vg.study.study_table import StudyTable

QUANTITIES = ("value", "excess")

ALL, STANDARDISED = "all", "one distribution of box sizes"


class DomainGap(NamedTuple):
    """Medical minus natural, by layer.

    Attributes:
        boxes: `ALL`, a bin of box size, or `STANDARDISED`.
        n: numbers of questions: medical, natural.
        images: numbers of images.
        band: the gap.
    """

    boxes: str
    n: tuple[int, int]
    images: tuple[int, int]
    band: ImageBand


TwoSides = tuple[StudiedTask, StudiedTask]

#: Takes columns of (questions, layers).
Pick = Callable[[LayerTable], LayerTable]


def pairs(tasks: Sequence[StudiedTask]) -> list[TwoSides]:
    """Return (medical, natural) tasks of one kind under one run."""
    return [
        (first, second)
        for first in tasks
        for second in tasks
        if (first.side, second.side) == (MEDICAL, NATURAL) and first.run is second.run and first.kind == second.kind
    ]


def table(tasks: Sequence[StudiedTask]) -> StudyTable:
    """Return one row per pair, measure, quantity, bin of box size and layer.

    `as_claimed` is yes where the whole band of the gap lies on the side that the paper claims: medical images have the lower
    AR and placement, and the higher KL and JS.
    """
    rows: list[Row] = []
    for pair in pairs(tasks):
        hidden = pair[0].hides | pair[1].hides
        layers = range(pair[0].layers)
        for measure, quantity, gap in _gaps_of(pair, (_every, _every)):
            rows += _rows(pair, measure, quantity, gap, layers, hidden)
    return StudyTable("gap", rows)


def chosen_table(tasks: Sequence[StudiedTask]) -> StudyTable:
    """Return the same at one layer for both sides, chosen on the other halves of their images (`chosen_layer.common`)."""
    rows: list[Row] = []
    for pair in pairs(tasks):
        layer = common(pair, tasks)
        hidden = (pair[0].hides | pair[1].hides)[layer.layers].any()
        for measure, quantity, gap in _gaps_of(pair, [_at(layer, task) for task in pair]):
            gap_rows = _rows(pair, measure, quantity, gap, [layer.said], np.array([hidden]))
            rows += [{**row, "layer_chosen_on": layer.how} for row in gap_rows]
    return StudyTable("gap_headline", rows)


def gaps(bins: Mapping[str, tuple[ImageBand, ImageBand]]) -> Iterator[DomainGap]:
    """Yield the gap of all questions, of each bin of box size, and for one distribution of sizes, where there are any.

    Args:
        bins: `ALL` and the bins -> the bands of both sides, medical first.
    """
    used: list[tuple[ImageBand, ImageBand]] = []
    for name, (first, second) in bins.items():
        if first.n and second.n:
            yield _gap(name, first, second)
            if name != ALL and min(first.images, second.images) >= FEW:
                used.append((first, second))
    if used:
        weights = [first.n / sum(band.n for band, _ in used) for first, _ in used]
        medical, natural = (ImageBand.weighted(of_side, weights) for of_side in zip(*used, strict=True))
        yield _gap(STANDARDISED, medical, natural)


def _gap(boxes: str, medical: ImageBand, natural: ImageBand) -> DomainGap:
    return DomainGap(boxes, (medical.n, natural.n), (medical.images, natural.images), medical.minus(natural))


def _gaps_of(pair: TwoSides, at: Sequence[Pick]) -> Iterator[tuple[Measure, str, DomainGap]]:
    """Yield measure, quantity and gap, of all questions, of bins of box size, and for one distribution of sizes.

    Args:
        pair: medical and natural.
        at: what to take of each side's values.
    """
    bins = {
        name: [
            _within(task, of, name, SEED + 2 * number + side)
            for side, (task, of) in enumerate(zip(pair, at, strict=True))
        ]
        for number, name in enumerate((ALL, *BINS))
    }
    for quantity in QUANTITIES:
        for measure in MEASURES:
            key = str(measure), quantity
            for gap in gaps({name: (of[0][key], of[1][key]) for name, of in bins.items()}):
                yield measure, quantity, gap


def _at(layer: LayerChoice, task: StudiedTask) -> Pick:
    return lambda values: layer.of(values, task.units)[:, None]


def _every(values: LayerTable) -> LayerTable:
    return values


def _within(task: StudiedTask, at: Pick, boxes: str, seed: int) -> dict[tuple[str, str], ImageBand]:
    """Return the bands of a side in a bin of box size, by measure and quantity."""
    members = np.array([boxes in (ALL, bin_of(question.share)) for question in task.questions], dtype=bool)
    units = [unit for unit, member in zip(task.units, members, strict=True) if member]
    tables = {
        (str(measure), quantity): at(values[measure])[members]
        for quantity, values in zip(QUANTITIES, (task.values, task.excess), strict=True)
        for measure in MEASURES
    }
    return bands(tables, units, seed)


def _rows(
    pair: TwoSides,
    measure: Measure,
    quantity: str,
    gap: DomainGap,
    layers: Sequence[str | int],
    hidden: NDArray[np.bool_],
) -> Iterator[Row]:
    medical, natural = pair
    for layer, hides, ends in zip(layers, hidden, zip(*gap.band[2:7], strict=True), strict=True):
        mean, low, high, low_all, high_all = map(float, ends)
        claimed = -BETTER[measure]
        nearest = low_all if claimed > 0 else -high_all
        verdict = "-" if np.isnan(nearest) else "yes" if nearest > 0 else "not shown"
        yield {
            **named(medical),
            "natural_task": natural.task,
            "natural_unit": natural.unit,
            "measure": measure,
            "quantity": quantity,
            "boxes": gap.boxes,
            "layer": layer,
            "gap": mean,
            "low": low,
            "high": high,
            "low_all_layers": low_all,
            "high_all_layers": high_all,
            "as_claimed": HIDDEN if hides and silent(measure, quantity) else verdict,
            "n": gap.n[0],
            "images": gap.images[0],
            "n_natural": gap.n[1],
            "images_natural": gap.images[1],
        }
