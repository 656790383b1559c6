"""Curves over a model's layers: the mean of a submission's questions with its interval, beside its plain run and chance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lmms_vg.leaderboard.layer_looks import LayerLooks
from lmms_vg.metrics.statistics import FEW, percentile_interval, resample
from lmms_vg.submission.look_scores import EXCESS, PLACEMENT, SILENT
from lmms_vg.submission.validated import Values

RESAMPLES = 1000

#: Metric -> title, and the level of a look blind to the boxes (None where no single number is that).
TITLES: dict[str, tuple[str, float | None]] = {
    "excess_ar": ("excess AR (log), higher is better", 0.0),
    "excess_kl": ("excess KL (nats), lower is better", 0.0),
    "excess_js": ("excess JS (nats), lower is better", 0.0),
    PLACEMENT: ("placement, higher is better", 0.5),
    "ar": ("AR, higher is better", None),
    "kl": ("KL (nats), lower is better", None),
    "js": ("JS (nats), lower is better", None),
}


class LayerCurve(NamedTuple):
    """One metric of one task.

    Attributes:
        mean: per layer; NaN at layers where the metric is undefined.
        low: lower ends of the 95% intervals, from whole images; NaN where there are fewer than ten.
        high: upper ends.
        plain: means of the plain run; None without one.
        chance: the level of a look blind to the boxes; None where no single number is that.
        best: the layer that the submission's numbers are taken at.
        hidden: layers in which patches have no attention at all.
        n: number of questions.
    """

    title: str
    mean: Values
    low: Values
    high: Values
    plain: Values | None
    chance: float | None
    best: int
    hidden: tuple[int, ...]
    n: int


def curves(own: LayerLooks, plain: LayerLooks | None) -> Iterator[LayerCurve]:
    """Yield the curves of what is judged; of raw values where a bundle states neither excess nor placement."""
    judged = [name for name in (*EXCESS, PLACEMENT) if name in own.values]
    for name in judged or ("ar", "kl", "js"):
        yield _curve(name, own, plain)


def _curve(name: str, own: LayerLooks, plain: LayerLooks | None) -> LayerCurve:
    values = own.values[name]
    known = np.asarray(np.isfinite(values).all(axis=1), dtype=np.bool_)
    images = [image for image, is_known in zip(own.images, known, strict=True) if is_known]
    drawn = resample([*values[known].T], images, resamples=RESAMPLES)
    mean = drawn.totals / drawn.n
    low, high = (np.full(mean.shape, np.nan) for _ in range(2))
    if len({*images}) >= FEW:
        low, high = percentile_interval(drawn.sums / drawn.counts)
    before = None if plain is None or name not in plain.values else np.nanmean(plain.values[name], axis=0)
    silent = [*own.hidden] if name in SILENT else []
    for row in (mean, low, high):
        row[silent] = np.nan
    if before is not None and plain is not None and name in SILENT:
        before[[*plain.hidden]] = np.nan
    title, chance = TITLES[name]
    return LayerCurve(title, mean, low, high, before, chance, own.best, own.hidden, drawn.n)
