"""The interval of an AUC against a bootstrap that draws images and compares all pairs, one draw at a time."""

import numpy as np
import pytest

from lmms_vg.metrics.auc_interval import auc_interval
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
