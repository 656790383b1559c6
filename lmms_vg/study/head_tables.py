"""Are the heads that look at the boxes of natural images those that look at the boxes of medical ones?

Raw KL of heads correlates by construction: heads differ in how spread their attention is, on any image. So the correlation is
also given with the mean entropy of the heads taken out of both sides' ranks; records of earlier versions do not hold it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.alignment import Array
from lmms_vg.metrics.head_ranking import HIGHER, METRICS, By, shared_by_chance
from lmms_vg.metrics.statistics import FEW, percentile_interval
from lmms_vg.metrics.statistics.bootstrap import image_draws
from lmms_vg.metrics.statistics.distributions import average_ranks
from lmms_vg.runs.results import Run
from lmms_vg.runs.tidy_rows import SEED, Row
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.head_values import ENTROPY, HeadSide, head_sides
from lmms_vg.study.questions import MEDICAL, NATURAL
from lmms_vg.study.run_names import model_of
from lmms_vg.study.study_table import StudyTable

#: Numbers of best heads whose overlap is given.
TOP = (5, 10, 20)

_RESAMPLES = 500

_SHARED = "shared among the best"
_RANK, _PARTIAL = "rank correlation", "rank correlation, entropy taken out"

_NAMES: dict[By, str] = {metric: metric if metric == "placement" else metric.upper() for metric in METRICS}


class RunHeads(NamedTuple):
    """The heads of one run, side -> heads."""

    run: Run
    sides: dict[str, HeadSide]

    @property
    def model(self) -> str:
        """Name of the model."""
        return model_of(self.run)

    @property
    def has_both(self) -> bool:
        """Whether it has medical and natural images."""
        return {MEDICAL, NATURAL} <= self.sides.keys()


def run_heads(tasks: Sequence[StudiedTask]) -> list[RunHeads]:
    """Return the heads of every run whose records hold them, without methods that hide patches, where KL is undefined."""
    runs = {
        id(task.run): task.run
        for task in tasks
        if not any(other.hides.any() for other in tasks if other.run is task.run)
    }
    entries = [RunHeads(run, head_sides(run, [task for task in tasks if task.run is run])) for run in runs.values()]
    return [entry for entry in entries if entry.sides]


def best(values: Array, metric: By, keep: int) -> list[int]:
    """Return the best heads as places in the flattened map; ties in order of layer and head."""
    order = np.argsort(-values if metric in HIGHER else values, axis=None, kind="stable")
    return [int(place) for place in order[:keep]]


def table(heads: Sequence[RunHeads]) -> StudyTable:
    """Return one row per run, side, layer and head. `better_than_even`: by every metric, on the same boxes."""
    rows: list[Row] = []
    for entry in heads:
        for side, values in entry.sides.items():
            means = {metric: values.means(metric) for metric in values.metrics}
            spread = values.means(ENTROPY) if values.has_entropy else None
            beat = values.beat_even()
            for layer, head in np.ndindex(means["kl"].shape):
                rows.append(
                    {
                        "model": entry.model,
                        "method": entry.run.label,
                        "side": side,
                        "unit": values.unit,
                        "layer": layer,
                        "head": head,
                        **{
                            _NAMES[metric]: float(means[metric][layer, head]) if metric in means else None
                            for metric in METRICS
                        },
                        "entropy": None if spread is None else float(spread[layer, head]),
                        **{f"{_NAMES[metric]}_even": values.even[metric] for metric in METRICS},
                        "better_than_even": None if beat is None else bool(beat[layer, head]),
                        "n": values.n,
                        "images": len(values.images),
                    }
                )
    return StudyTable("heads", rows)


def agreement_table(heads: Sequence[RunHeads]) -> StudyTable:
    """Return one row per run with both sides, metric and statistic: rank correlation, and shared heads among the best K.

    `chance` is what unrelated rankings have: 0, and K heads of H in all share K / H of them.
    """
    return StudyTable("head_agreement", [row for entry in heads if entry.has_both for row in _agreement(entry)])


def partial_rank_correlation(first: Array, second: Array, spread: Array) -> float:
    """Spearman's correlation with the ranks of a third quantity taken out of both; NaN where it explains one wholly."""
    both, *with_spread = (rank_correlation(*pair) for pair in ((first, second), (first, spread), (second, spread)))
    left = (1 - with_spread[0] ** 2) * (1 - with_spread[1] ** 2)
    return (both - with_spread[0] * with_spread[1]) / sqrt(left) if left > 1e-12 else float("nan")


def rank_correlation(first: Array, second: Array) -> float:
    """Spearman's correlation of heads; NaN where all heads of a side are alike."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(average_ranks(first), average_ranks(second))[0, 1])


def spread_of(heads: RunHeads) -> Array | None:
    """Mean entropy of every head over both sides, flattened; None if the records of a side do not hold it."""
    both = [heads.sides[side] for side in (MEDICAL, NATURAL)]
    if not all(side.has_entropy for side in both):
        return None
    first, second = (side.means(ENTROPY).ravel() for side in both)
    mean: Array = (first + second) / 2
    return mean


def _agreement(heads: RunHeads) -> Iterator[Row]:
    first, second = heads.sides[MEDICAL], heads.sides[NATURAL]
    for metric in (metric for metric in first.metrics if metric in second.metrics):
        a, b = (side.means(metric).ravel() for side in (first, second))
        statistics = _statistics(a, b, metric, spread_of(heads))
        draws = [_statistics(*drawn[:2], metric, drawn[2]) for drawn in _draws((first, second), metric)]
        for (name, keep), value in statistics.items():
            low, high = percentile_interval(np.array([drawn[name, keep] for drawn in draws], dtype=np.float64))
            yield {
                "model": heads.model,
                "method": heads.run.label,
                "unit": first.unit,
                "natural_unit": second.unit,
                "metric": _NAMES[metric],
                "statistic": f"{name} {keep}" if keep else name,
                "value": value,
                "low": float(low),
                "high": float(high),
                "chance": shared_by_chance(keep, a.size).mean / keep if keep else 0.0,
                "heads": a.size,
                "n": first.n,
                "images": len(first.images),
                "n_natural": second.n,
                "images_natural": len(second.images),
            }


def _statistics(first: Array, second: Array, metric: By, spread: Array | None) -> dict[tuple[str, int], float]:
    """Rank correlation, and shares of the best K heads that both sides have, of flattened maps: by name and K, 0 for no K."""
    shared = {
        (_SHARED, keep): len({*best(first, metric, keep)} & {*best(second, metric, keep)}) / keep
        for keep in TOP
        if keep < first.size
    }
    partial = {} if spread is None else {(_PARTIAL, 0): partial_rank_correlation(first, second, spread)}
    return {(_RANK, 0): rank_correlation(first, second), **partial, **shared}


def _draws(sides: Sequence[HeadSide], metric: By) -> Iterator[tuple[Array, Array, Array | None]]:
    """Resampled means of both sides, and of their entropy; none with fewer than ten images on a side."""
    if min(len(side.images) for side in sides) < FEW:
        return
    batches = [image_draws(len(side.images), _RESAMPLES, SEED + number) for number, side in enumerate(sides)]
    times = [np.concatenate([*batch]) for batch in batches]
    first, second = (side.drawn(metric, of_side) for side, of_side in zip(sides, times, strict=True))
    spread: Array | None = None
    if all(side.has_entropy for side in sides):
        spread = np.mean([side.drawn(ENTROPY, of_side) for side, of_side in zip(sides, times, strict=True)], axis=0)
    for number in range(_RESAMPLES):
        yield first[number], second[number], None if spread is None else spread[number]
