"""The interval of a weighted mean against a bootstrap that redraws images and questions one by one."""

from __future__ import annotations

import math
import random
from statistics import fmean, quantiles

import pytest

from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.metrics.statistics.weighted_interval import weighted_interval

Part = tuple[list[float], list[str]]


def part(seed: int, images: int, ease: float) -> Part:
    """One to six questions per image; images are easy or hard."""
    draw = random.Random(seed)
    scores, of = [], []
    for image in range(images):
        right = ease + draw.choice([-0.3, 0.3])
        for _ in range(draw.randint(1, 6)):
            scores.append(float(draw.random() < right))
            of.append(f"{seed}/{image}")
    return scores, of


def naive(parts: dict[str, Part], weights: dict[str, float], resamples: int = 4000) -> tuple[float, float]:
    draw = random.Random(7)
    drawn = []
    for _ in range(resamples):
        mean = 0.0
        for name, (scores, of) in parts.items():
            images: dict[str, list[float]] = {}
            for score, image in zip(scores, of, strict=True):
                images.setdefault(image, []).append(score)
            chosen = draw.choices(list(images.values()), k=len(images))
            mean += weights[name] / sum(weights.values()) * fmean(score for one in chosen for score in one)
        drawn.append(mean)
    ends = quantiles(drawn, n=40, method="inclusive")
    return ends[0], ends[-1]


PARTS = {"a": part(1, 25, 0.4), "b": part(2, 30, 0.7), "c": part(3, 20, 0.5)}
WEIGHTS = {"a": 326, "b": 100, "c": 509}


@pytest.mark.slow
def test_interval_is_that_of_a_naive_bootstrap() -> None:
    low, high = weighted_interval(PARTS, WEIGHTS)
    expected = naive(PARTS, WEIGHTS)
    assert high - low > 0.1
    assert (low, high) == pytest.approx(expected, abs=0.012)


def test_weights_matter_and_only_by_their_ratio() -> None:
    """The mean is neither pooled nor unweighted: a part with almost no weight widens nothing."""
    weighted = weighted_interval(PARTS, WEIGHTS)
    assert weighted_interval(PARTS, {name: 10 * weight for name, weight in WEIGHTS.items()}) == pytest.approx(weighted)
    alone = weighted_interval(PARTS, {"a": 1e9, "b": 1, "c": 1})
    assert alone == pytest.approx(cluster_interval(*PARTS["a"]), abs=0.02)
    assert alone != pytest.approx(weighted, abs=0.02)


def test_parts_are_drawn_independently() -> None:
    """The same part twice: drawn together, its mean would vary as one part's; drawn separately, by 1/sqrt(2) of that."""
    one = weighted_interval({"a": PARTS["a"]}, {"a": 1})
    two = weighted_interval({"a": PARTS["a"], "b": PARTS["a"]}, {"a": 1, "b": 1})
    assert (two.high - two.low) / (one.high - one.low) == pytest.approx(1 / math.sqrt(2), abs=0.06)


def test_a_part_of_one_image_has_no_interval() -> None:
    low, high = weighted_interval(PARTS | {"c": ([1.0, 0.0], ["x", "x"])}, WEIGHTS)
    assert math.isnan(low)
    assert math.isnan(high)
