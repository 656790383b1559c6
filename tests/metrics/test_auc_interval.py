"""The interval of an AUC against a bootstrap that draws images and compares all pairs, one draw at a time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lmms_vg.metrics.auc_interval import auc_interval, auc_within
from lmms_vg.metrics.forced_choice import auc
from lmms_vg.metrics.statistics.bootstrap import image_draws


def made(images: int, seed: int) -> tuple[list[float], list[bool], list[int]]:
    """Values with ties, two to four questions an image, alike within it."""
    rng = np.random.default_rng(seed)
    values, truth, clusters = [], [], []
    for image in range(images):
        lean = rng.normal()
        for _ in range(rng.integers(2, 5)):
            truth.append(bool(rng.random() < 0.6))
            values.append(float(round(lean + rng.normal() + 0.8 * truth[-1], 1)))
            clusters.append(image)
    return values, truth, clusters


def test_draws_of_images_compared_pair_by_pair() -> None:
    values, truth, clusters = made(25, 1)
    drawn = []
    names = sorted(set(clusters), key=str)  # the order in which images are numbered
    for (times,) in (batch[None] for block in image_draws(25, 200, 3) for batch in block):
        chosen = [
            (value, kind)
            for value, kind, image in zip(values, truth, clusters, strict=True)
            for _ in range(int(times[names.index(image)]))
        ]
        drawn.append(auc([value for value, _ in chosen], [kind for _, kind in chosen]))
    expected = np.quantile(drawn, [0.025, 0.975])
    assert auc_interval(values, truth, clusters, resamples=200, seed=3) == pytest.approx(tuple(expected))


def test_the_interval_holds_the_value_and_narrows_with_images() -> None:
    few, many = made(30, 2), made(300, 2)
    widths = []
    for values, truth, clusters in (few, many):
        low, high = auc_interval(values, truth, clusters)
        assert low < auc(values, truth) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_questions_of_one_image_are_not_independent() -> None:
    """The same twelve images four times over are no more evidence than once."""
    values, truth, clusters = made(40, 3)
    once = auc_interval(values, truth, clusters)
    again = auc_interval(values * 4, truth * 4, clusters * 4)
    assert again == pytest.approx(once)


def test_the_order_of_questions_changes_nothing() -> None:
    values, truth, clusters = made(20, 4)
    turned = auc_interval(values[::-1], truth[::-1], clusters[::-1])
    assert turned == pytest.approx(auc_interval(values, truth, clusters))


@pytest.mark.parametrize("kind", [True, False])
def test_fewer_than_ten_images_of_a_kind_have_no_interval(kind: bool) -> None:
    truth = [kind] * 9 + [not kind] * 30
    assert np.isnan(auc_interval(list(range(39)), truth, range(39))).all()
    assert np.isfinite(auc_interval(list(range(40)), [kind, *truth], range(40))).all()


@pytest.mark.parametrize(
    ("values", "truth", "clusters"),
    [([1.0], [True], []), ([], [], []), ([1.0], [True, False], [1]), ([np.nan], [True], [1])],
)
def test_what_does_not_fit_is_refused(values: list[float], truth: list[bool], clusters: list[int]) -> None:
    with pytest.raises(ValueError, match=r"allowed|finite"):
        auc_interval(values, truth, clusters)


def naive_within(values: list[float], truth: list[bool], strata: list[str]) -> float:
    pairs = [
        (value > other) + (value == other) / 2
        for value, kind, stratum in zip(values, truth, strata, strict=True)
        for other, other_kind, other_stratum in zip(values, truth, strata, strict=True)
        if kind and not other_kind and stratum == other_stratum
    ]
    return float(np.mean(pairs)) if pairs else float("nan")


def test_within_strata_is_the_mean_of_mann_whitney_statistics_weighted_by_pairs() -> None:
    values, truth, clusters = made(25, 5)
    strata = ["abc"[i % 3] for i in range(len(values))]
    won = made_pairs = 0.0
    for stratum in "abc":
        first, second = (
            [v for v, t, s in zip(values, truth, strata, strict=True) if t is kind and s == stratum]
            for kind in (True, False)
        )
        won += stats.mannwhitneyu(first, second).statistic
        made_pairs += len(first) * len(second)
    assert auc_within(values, truth, strata) == pytest.approx(won / made_pairs)
    assert auc_within(values, truth, strata) == pytest.approx(naive_within(values, truth, strata))
    assert auc_within(values, truth, clusters) != auc_within(values, truth, strata)
    assert auc_within(values, truth, ["one"] * len(values)) == pytest.approx(auc(values, truth))


def test_interval_within_strata_draws_images_and_compares_pair_by_pair() -> None:
    """Images have questions in several strata."""
    values, truth, clusters = made(25, 6)
    strata = ["abc"[i % 3] for i in range(len(values))]
    names, drawn = sorted(set(clusters), key=str), []
    for (times,) in (batch[None] for block in image_draws(25, 100, 3) for batch in block):
        chosen = [i for i, image in enumerate(clusters) for _ in range(int(times[names.index(image)]))]
        drawn.append(naive_within(*([of[i] for i in chosen] for of in (values, truth, strata))))
    expected = np.quantile(drawn, [0.025, 0.975])
    assert auc_interval(values, truth, clusters, strata=strata, resamples=100, seed=3) == pytest.approx(tuple(expected))


def test_within_strata_takes_out_what_sizes_make() -> None:
    """Large places are easy and have low values; within a size values tell nothing."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(0, 2, 400)
    truth = [bool(rng.random() < 0.3 + 0.5 * size) for size in sizes]
    values = (rng.normal(0, 1, 400) - 3 * sizes).tolist()
    assert auc(values, truth) < 0.35
    assert abs(auc_within(values, truth, sizes.tolist()) - 0.5) < 0.05


def test_strata_that_hold_one_kind_each_have_no_pairs() -> None:
    assert np.isnan(auc_within([1.0, 2.0], [True, False], ["a", "b"]))
    with pytest.raises(ValueError, match="1 strata for 2 values"):
        auc_within([1.0, 2.0], [True, False], ["a"])
