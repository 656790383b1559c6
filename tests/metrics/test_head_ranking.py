"""Ranking and stability, compared with loops that keep every question."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import reduce
from itertools import product
from operator import add
from typing import Any

import numpy as np
import pytest
from scipy.stats import hypergeom

from lmms_vg.metrics.head_ranking import METRICS, By, HeadSums, shared_by_chance

SHAPE = (4, 5)
RESAMPLES = 40
SEED = 7

Asked = tuple[str, dict[str, np.ndarray], np.ndarray]


@pytest.fixture
def asked() -> list[Asked]:
    """30 questions on 11 images; images differ more than questions about one image."""
    random = np.random.default_rng(3)
    images = [{name: random.gamma(4, 1, SHAPE) for name in METRICS} for _ in range(11)]
    made = []
    for number in range(30):
        own = images[number % 11]
        heads = {name: np.round(own[name] + 0.3 * random.random(SHAPE), 6) for name in METRICS}
        made.append((f"image {number % 11}", heads, np.round(random.random(SHAPE[0]), 6)))
    return made


def added(asked: Iterable[Asked], **values: Any) -> HeadSums:
    sums = HeadSums(SHAPE, **{"seed": SEED, "resamples": RESAMPLES} | values)
    for image, heads, layers in asked:
        sums.add(image, heads, layers)
    return sums


def best(mean: np.ndarray, keep: int, by: str = "kl") -> list[tuple[int, int]]:
    sign = -1 if by in ("ar", "placement") else 1
    return sorted(product(range(SHAPE[0]), range(SHAPE[1])), key=lambda place: (sign * mean[place], place))[:keep]


def drawn(image: str) -> tuple[np.ndarray, int]:
    generator = np.random.default_rng(int(hashlib.sha256(f"{SEED} {image}".encode()).hexdigest(), 16))
    return generator.poisson(1.0, RESAMPLES), int(generator.integers(2))


@pytest.mark.parametrize("by", METRICS)
def test_means_and_ranking(asked: list[Asked], by: By) -> None:
    sums = added(asked, by=by)
    for name in METRICS:
        assert sums.means()[name] == pytest.approx(np.mean([heads[name] for _, heads, _ in asked], axis=0))
    assert sums.layer_kl() == pytest.approx(np.mean([layers for _, _, layers in asked], axis=0))
    assert sums.ranking(6) == best(np.mean([heads[by] for _, heads, _ in asked], axis=0), 6, by)
    assert len(sums.ranking(20)) == 20


@pytest.mark.parametrize("by", METRICS)
@pytest.mark.parametrize("keep", [1, 5, 20])
def test_overlap(asked: list[Asked], by: By, keep: int) -> None:
    """Each resample repeats a question as often as its image was drawn; halves are split by image."""
    found = added(asked, by=by).overlap(keep)
    whole = set(best(np.mean([heads[by] for _, heads, _ in asked], axis=0), keep, by))
    shares = []
    for resample in range(RESAMPLES):
        again = [heads[by] for image, heads, _ in asked for _ in range(drawn(image)[0][resample])]
        if again:
            shares.append(len(whole & set(best(np.mean(again, axis=0), keep, by))) / keep)
    assert found.mean == pytest.approx(np.mean(shares))
    assert found.p5 == pytest.approx(np.percentile(shares, 5))
    halves = [[heads[by] for image, heads, _ in asked if drawn(image)[1] == half] for half in (0, 1)]
    one, other = (set(best(np.mean(half, axis=0), keep, by)) for half in halves)
    assert found.halves == len(one & other) / keep
    if keep == 5:
        assert found.p5 < found.mean < 1, "the case tells good from bad"


def test_the_order_of_questions_changes_nothing_not_even_by_rounding() -> None:
    """Float sums in another order differ in the last digit, which would decide between equal heads."""
    values = [0.1, 0.7, 0.3, 12.3, 0.000001, 5.9] * 3
    # Head 0 adds the values forwards, head 1 backwards: float sums differ, heads must not.
    assert reduce(add, values) != reduce(add, reversed(values)), (
        "one after the other: sum() compensates from Python 3.12 on"
    )
    sums = HeadSums((1, 2), resamples=2)
    for forwards, backwards in zip(values, reversed(values), strict=True):
        heads = np.array([[forwards, backwards]])
        sums.add("one image", dict.fromkeys(METRICS, heads), np.zeros(1))
    assert sums.means()["kl"][0, 0] == sums.means()["kl"][0, 1]
    assert sums.ranking(2) == [(0, 0), (0, 1)], "ties go by layer and head"


def test_equal_heads_go_by_layer_and_head() -> None:
    """There are so many that an unstable sort would mix them up."""
    values = np.arange(600).reshape(20, 30) % 3
    sums = HeadSums(values.shape, resamples=2)
    sums.add("image", dict.fromkeys(METRICS, values), np.zeros(20))
    assert sums.ranking(600) == sorted(np.ndindex(20, 30), key=lambda place: (values[place], place))


def test_shuffled_questions_and_repeated_ones(asked: list[Asked]) -> None:
    there, back = added([*asked, asked[0], asked[0]]), added([])
    for number, (image, heads, layers) in enumerate(reversed(asked)):
        back.add(image, heads, layers, times=3 if number == len(asked) - 1 else 1)
    assert there.n == back.n == 32
    assert np.array_equal(there.means()["kl"], back.means()["kl"])
    assert there.overlap(5) == back.overlap(5)


def test_one_image_has_no_halves(asked: list[Asked]) -> None:
    assert added([asked[0]]).overlap(5).halves is None
    assert added(asked).overlap(5).halves is not None


def test_memory_does_not_grow_with_questions(asked: list[Asked]) -> None:
    def size(sums: HeadSums) -> int:
        arrays = [*vars(sums).values(), *sums._heads.values()]
        return sum(value.nbytes for value in arrays if isinstance(value, np.ndarray))

    assert size(added(asked[:1])) == size(added(asked))
    assert not [name for name, value in vars(added(asked)).items() if isinstance(value, list | set)]


def test_another_seed_resamples_otherwise(asked: list[Asked]) -> None:
    one, other = added(asked), added(asked, seed=8)
    assert one.ranking(5) == other.ranking(5)
    assert one.overlap(5) != other.overlap(5)


def test_heads_that_two_orders_share() -> None:
    """Best two by KL are heads 0 and 1; by AR (higher is better) 1 and 3; by JS 2 and 3; by placement (higher) 0 and 2."""
    sums = HeadSums((2, 2), "kl", resamples=2)
    heads = {"kl": [[1, 2], [3, 4]], "ar": [[1, 4], [2, 3]], "js": [[0.4, 0.3], [0.1, 0.2]]}
    sums.add("a", heads | {"placement": [[0.9, 0.2], [0.6, 0.1]]}, [1, 1])
    assert sums.shared(2) == {"kl": 2, "ar": 1, "js": 0, "placement": 1}
    assert sums.shared(4) == {"kl": 4, "ar": 4, "js": 4, "placement": 4}


def test_questions_without_placement_count_for_the_other_metrics_only() -> None:
    """The second question has none, and the third decides alone between the heads that the first leaves even."""
    whole = {name: [[1.0, 2.0]] for name in METRICS}
    sums = HeadSums((1, 2), "placement", resamples=2)
    sums.add("a", whole | {"placement": [[0.5, 0.5]]}, [1.0])
    sums.add("b", whole | {"placement": [[np.nan, np.nan]]}, [1.0], times=3)
    sums.add("c", whole | {"placement": [[0.2, 0.9]]}, [1.0])
    assert (sums.n, sums.counts) == (5, {"kl": 5, "ar": 5, "js": 5, "placement": 2})
    assert sums.means()["placement"] == pytest.approx(np.array([[0.35, 0.7]]))
    assert sums.means()["kl"] == pytest.approx(np.array([[1.0, 2.0]]))
    assert sums.ranking(2) == [(0, 1), (0, 0)]
    without = HeadSums((1, 2), resamples=2)
    without.add("a", whole | {"placement": [[np.nan, np.nan]]}, [1.0])
    assert np.isnan(without.means()["placement"]).all()
    assert without.shared(1) == {"kl": 1, "ar": 0, "js": 1}, "of a metric that no question has nothing is said"


@pytest.mark.parametrize(("keep", "heads"), [(1, 2), (5, 36), (20, 784), (20, 3360), (18, 20), (7, 7)])
def test_what_unrelated_orders_share_is_hypergeometric(keep: int, heads: int) -> None:
    known = hypergeom(heads, keep, keep)
    found = shared_by_chance(keep, heads)
    assert found.mean == pytest.approx(known.mean())
    assert found.most == known.ppf(0.95)


def test_shuffled_orders_share_what_chance_says() -> None:
    generator = np.random.default_rng(0)
    shared = [len({*generator.permutation(36)[:5]} & {*generator.permutation(36)[:5]}) for _ in range(4000)]
    found = shared_by_chance(5, 36)
    assert np.mean(shared) == pytest.approx(found.mean, abs=0.04)
    assert np.mean(np.array(shared) > found.most) < 0.06
