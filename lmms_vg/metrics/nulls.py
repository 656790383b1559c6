"""Excess of a map's agreement with its box over maps that cannot know the box: value minus null.

The null of a question is the mean over donors' maps on this question's box, at the same layer. With other images as donors
(the swap null) it has whatever box size, centred anatomy and a model's habits give without looking, so attention that is blind
to the box has excess 0 on average, for any sizes and places. It is the idea of the shuffled AUC (Zhang et al., "SUN", 2008)
and of information gain (Kuemmerer et al., PNAS 2015). With other questions about the same image as donors it asks whether the
question steers the look.

The excess of a model that does look still depends on box size: compare data sets within strata of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.alignment import Array
from lmms_vg.metrics.donors import SWAPS, Donors

LEAST_AR = 1e-3
"""Attention ratios below this one count as it, so that its logarithm is finite where a box gets no attention at all."""

_CHUNK = 32  # questions whose maps are in memory as float32 at a time: 2 MB for 28 layers of 24 x 24


class NullValues(NamedTuple):
    """Values of maps, (questions, layers), as in `alignment`.

    Attributes:
        log_ar: natural logarithm of the attention ratio; ratios are averaged as logarithms, as 2 and 1/2 cancel.
        kl: KL divergence in nats.
        js: Jensen-Shannon divergence in nats.
    """

    log_ar: Array
    kl: Array
    js: Array


class Null(NamedTuple):
    """A value, and what it is without knowing the box.

    Attributes:
        value: of the questions' own maps.
        level: mean over the donors' maps on the same box; NaN where there is no donor.
        donors: number of donors of each question, (questions,).
    """

    value: NullValues
    level: NullValues
    donors: Array

    @property
    def excess(self) -> NullValues:
        """Value minus level. A map that finds the box is above 0 in log AR, and below 0 in KL and JS."""
        return NullValues(*(value - level for value, level in zip(self.value, self.level, strict=True)))


class Backgrounds(NamedTuple):
    """Terms that no mask changes, (questions, layers): the sum of each map, and its part of JS if no patch were in the mask."""

    totals: Array
    spread: Array


def null(maps: Any, masks: Any, donors: Donors, known: Backgrounds | None = None) -> Null:
    """Measure every question's map and its donors' maps on the question's mask.

    Questions on different grids are measured in calls of their own. Values agree with `alignment` within 1e-5.

    Args:
        maps: (questions, layers, patches), of any scale and real type; may be mapped from a file, of which the rows that are
            needed are read at a time.
        masks: (questions, patches); a share of each patch weighs it.
        donors: of each question, as from `donors.of_other_images`.
        known: of these maps, from `backgrounds`, where they are measured against several sorts of donors.

    Raises:
        ValueError: shapes do not fit, a mask is empty, or a value is NaN, infinite or negative; the question's number is named.
    """
    weights = _checked(maps, masks, donors)
    totals, spread = backgrounds(maps) if known is None else known
    results = np.full((2, len(NullValues._fields), *totals.shape), np.nan)
    for i, chosen in enumerate(donors):
        inside = np.flatnonzero(weights[i])
        target = weights[i][inside] / weights[i].sum()
        who = np.array([i, *chosen])
        # Single precision, in which a logarithm takes a quarter of the time.
        attention = maps[who][..., inside].astype(np.float32)
        attention *= _inverse(totals[who])[..., None].astype(np.float32)
        measured = _measure(attention, target.astype(np.float32), spread[who], weights.shape[1])
        results[0, :, i] = measured[:, 0]
        if len(chosen):
            results[1, :, i] = measured[:, 1:].mean(axis=1)
    return Null(
        NullValues(*results[0]), NullValues(*results[1]), np.array([len(chosen) for chosen in donors], dtype=np.float64)
    )


def signature(*, donors: str, swaps: int = SWAPS, seed: int = 0) -> str:
    """Describe what an excess depends on, to be printed with it; `donors` is "other-images" or "same-image".

    >>> signature(donors="other-images")
    'null|donors:other-images|swaps:20|seed:0|least-ar:0.001|v:1'
    >>> signature(donors="same-image")
    'null|donors:same-image|least-ar:0.001|v:1'
    """
    draw = f"|swaps:{swaps}|seed:{seed}" if donors == "other-images" else ""
    return f"null|donors:{donors}{draw}|least-ar:{LEAST_AR:g}|v:1"


def _measure(attention: NDArray[np.float32], target: NDArray[np.float32], spread: Array, patches: int) -> Array:
    """Log AR, KL and JS, (3, maps, layers), from the attention inside a mask alone.

    Outside the mask KL has nothing to add, and JS only what does not depend on the mask: `spread` is that of whole maps, so
    the part inside is taken off again.
    """
    inside = attention @ target
    kl = target @ np.log(target) - np.log(np.maximum(attention, np.float32(1e-12))) @ target
    middle = np.log((target + attention) / 2 + np.float32(1e-8))
    js = target @ np.log(target + 1e-8) - middle @ target - np.einsum("...p,...p", attention, middle)
    js += np.einsum("...p,...p", attention, np.log(attention / 2 + np.float32(1e-8)))
    return np.stack([np.log(np.maximum(patches * inside, LEAST_AR)), kl, (spread + js) / 2]).astype(np.float64)


def backgrounds(maps: Any) -> Backgrounds:
    """Measure maps without any mask.

    Args:
        maps: as in `null`.

    Raises:
        ValueError: a value is NaN, infinite or negative; the question's number is named.
    """
    totals, spread = np.empty((2, *maps.shape[:2]))
    tiny = np.float32(1e-8)
    for rows, values in _chunks(maps):
        totals[rows] = values.sum(axis=-1, dtype=np.float64)
        values *= _inverse(totals[rows])[..., None].astype(np.float32)
        spread[rows] = np.einsum("...p,...p", values, np.log((values + tiny) / (values / 2 + tiny)))
    return Backgrounds(totals, spread)


def _chunks(maps: Any) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    for start in range(0, len(maps), _CHUNK):
        values = np.array(maps[start : start + _CHUNK], dtype=np.float32)
        # NaN is not above 0, and infinity stays in the sum.
        wrong = ~((values.min(axis=(1, 2)) >= 0) & np.isfinite(values.sum(axis=(1, 2), dtype=np.float64)))
        if wrong.any():
            raise ValueError(
                f"the map of question number {start + int(wrong.argmax())} has NaN, infinite or negative values"
            )
        yield slice(start, start + len(values)), values


def _inverse(totals: Array) -> Array:
    """Return one over the sums; 0 for maps that are zero everywhere, which stay so."""
    return np.divide(1, totals, out=np.zeros_like(totals), where=totals > 0)


def _checked(maps: Any, masks: Any, donors: Donors) -> Array:
    weights = np.asarray(masks, dtype=np.float64)
    shape = np.shape(maps)
    if len(shape) != 3 or weights.shape != (shape[0], shape[2]) or len(donors) != shape[0]:
        raise ValueError(
            f"maps of shape {shape}, masks of shape {weights.shape} and donors of {len(donors)} questions: "
            "allowed is (questions, layers, patches), (questions, patches) and one list of donors per question"
        )
    for what, wrong in (
        ("has NaN, infinite or negative values", ~(np.isfinite(weights) & (weights >= 0)).all(axis=1)),
        ("is empty: it marks no patch", ~(weights > 0).any(axis=1)),
    ):
        if wrong.any():
            raise ValueError(f"the mask of question number {int(wrong.argmax())} {what}")
    return weights
