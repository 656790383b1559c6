"""Values and intervals agree with `statistics`, ranks with their definition."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import nan, sqrt

import numpy as np
import pytest
from entries import entry
from numpy.typing import NDArray
from ranked_rows import ONE, column, places, run

from lmms_vg.leaderboard.alike import Counter
from lmms_vg.leaderboard.columns import Part
from lmms_vg.leaderboard.estimates import Estimate, estimates
from lmms_vg.leaderboard.ranks import differing, ranks, surely_better
from lmms_vg.leaderboard.table_model import Rank
from lmms_vg.metrics.statistics import cluster_interval, resample, wilson
from lmms_vg.metrics.step_down import all_pairs


def placed(*scores: Sequence[float]) -> list[tuple[int, int] | None]:
    made = places([run(str(number), one) for number, one in enumerate(scores)])
    return [made[str(number)] for number in range(len(scores))]


def wrong(*questions: int, of: int = 100) -> list[float]:
    """Return scores that are right except for these questions."""
    return [float(number not in questions) for number in range(of)]


def test_a_rank_is_an_interval() -> None:
    rows = wrong(1, 2), wrong(2, 3), wrong(*range(40)), wrong(*range(5, 45)), wrong(*range(90))
    assert placed(*rows) == [(1, 2), (1, 2), (3, 4), (3, 4), (5, 5)]
    assert estimates([run(str(number), one) for number, one in enumerate(rows)], ONE)["4"].rank == Rank(5, 5, 5)


def test_rows_that_are_alike_count_once_above_others() -> None:
    """Five copies of the best row, each with another answer spoiled, push nobody down, and still rank below it."""
    best, worst = wrong(*range(40)), wrong(*range(90))
    copies = [wrong(*range(40), 90 + number) for number in range(5)]
    assert placed(best, worst) == [(1, 1), (2, 2)]
    assert placed(best, *copies, worst) == [(1, 6)] * 6 + [(2, 7)], "one row above the last, and six that may be"


def test_equal_rows_share_a_rank_whatever_their_number() -> None:
    assert placed(*[wrong(1)] * 4) == [(1, 4)] * 4
    assert placed(wrong(1)) == [(1, 1)]
    assert placed(wrong(1), wrong(2), wrong(3)) == [(1, 3)] * 3


def test_not_separated_is_not_transitive() -> None:
    """The first is surely better than the third, and the second differs from neither."""
    best, middle, last = wrong(), wrong(*range(7)), wrong(*range(14))
    assert placed(best, middle, last) == [(1, 2), (1, 3), (2, 3)]


def test_a_higher_mean_may_have_the_worse_rank() -> None:
    """The second loses twelve questions to the first and wins none; the third loses 40 and wins 30, so it may be as good."""
    first = wrong(*range(60, 100))
    second = wrong(*range(12), *range(60, 100))
    third = wrong(*range(40), *range(90, 100))
    assert sum(second) < sum(third) < sum(first)
    third = wrong(*range(43), *range(90, 100))
    assert sum(second) > sum(third)
    assert placed(first, second, third) == [(1, 2), (2, 3), (1, 3)]


def test_few_images_separate_nobody() -> None:
    """Nine images, all in favour of one row: the bootstrap would be sure of it."""
    rng = np.random.default_rng(0)
    row = (rng.random(50) < 0.5).astype(float)
    for images in (9, 10):
        other = row.copy()
        other[np.flatnonzero(row)[:images]] = 0
        sure = surely_better(*drawn(row, other), differing(np.array([row, other]), range(50)), 50)
        assert sure.tolist() == [[False, images == 10], [False, False]]


def drawn(*rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    resampled = resample(rows, range(len(rows[0])))
    return resampled.totals / resampled.n, resampled.sums / resampled.counts


def test_images_are_counted_not_questions() -> None:
    rows = np.array([[1.0, 0, 1, 1], [0.0, 1, 0, 0], [1.0, 0, 0, 1]])
    assert differing(rows, ["x", "x", "y", "z"]).tolist() == [[0, 2, 1], [2, 0, 1], [1, 1, 0]], "x is 1 for each"
    assert differing(np.empty((0, 4)), ["x", "x", "y", "z"]).shape == (0, 0)


def test_ranks_are_what_they_are_defined_as() -> None:
    """Best and worst place follow from the pairs that the step-down test separates; images have several questions."""
    rng = np.random.default_rng(4)
    images = [f"image {number // 3}" for number in range(360)]
    ease = rng.random(360)
    rows = {f"run {skill:.4f}": (ease < skill).astype(float) for skill in rng.uniform(0.3, 0.8, 12)}
    rows = {id: np.where(rng.random(360) < 0.25, 1 - row, row) for id, row in rows.items()}
    made = estimates([run(id, row, images={"pmc_vqa": images}) for id, row in rows.items()], ONE)
    resampled = resample([*rows.values()], images)
    means = resampled.totals / resampled.n
    p = all_pairs(means, resampled.sums / resampled.counts, np.ones((12, 12), dtype=bool), 120)
    for number, (id, row) in enumerate(rows.items()):
        better = sum(p[number, other] <= 0.05 and means[other] > means[number] for other in range(12))
        worse = sum(p[number, other] <= 0.05 and means[other] < means[number] for other in range(12))
        assert made[id].rank == Rank(1 + better, 12 - worse, 12)
        assert (made[id].low, made[id].high) == cluster_interval(row, images)
    assert len({one.rank for one in made.values()}) > 3


def test_ranks_of_pairs_by_hand() -> None:
    better = np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]], dtype=bool)
    assert ranks(better, Counter(np.eye(3))) == [Rank(1, 2, 3), Rank(1, 3, 3), Rank(2, 3, 3)]


def test_images_not_questions_are_drawn() -> None:
    """A hundred lost questions about twelve images are less sure than about a hundred."""
    lost, won = wrong(*range(60), of=120), wrong(*range(100, 120), of=120)
    images = {"pmc_vqa": [f"image {number // 10}" for number in range(120)]}
    assert [*places([run("a", won, images=images), run("b", lost, images=images)]).values()] == [(1, 2), (1, 2)]
    assert placed(won, lost) == [(1, 1), (2, 2)]


def test_a_single_image_separates_nobody_and_has_no_interval() -> None:
    images = {"pmc_vqa": ["image"] * 100}
    made = estimates([run("a", wrong(), images=images), run("b", wrong(*range(50)), images=images)], ONE)
    assert made == {
        "a": Estimate(1.0, None, None, 100, Rank(1, 2, 2), ""),
        "b": Estimate(0.5, None, None, 100, Rank(1, 2, 2), ""),
    }


@pytest.mark.parametrize(
    ("changes", "scores", "apart"),
    [
        ({"questions": {"pmc_vqa": "others"}}, wrong(), "other questions"),
        ({}, wrong(of=50), "other questions"),
        ({"rules": {"pmc_vqa": "another"}}, wrong(), "another rule"),
        ({}, [nan, *wrong(of=99)], "other questions without a score"),
    ],
)
def test_rows_on_anything_else_are_not_ranked(changes: dict[str, object], scores: list[float], apart: str) -> None:
    rows = [run("b", wrong(1)), run("c", wrong(*range(50))), run("a", scores, **changes)]
    made = estimates(rows, ONE)
    assert [made[id].rank for id in "abc"] == [None, Rank(1, 1, 2), Rank(2, 2, 2)]
    assert [made[id].apart for id in "abc"] == [apart, "", ""]
    assert made["a"].value == 1
    assert made["a"].low is not None
    assert made["a"].low < 1, "a hundred right answers are not all that there could be"
    assert made["a"].n == sum(score == score for score in scores)


def test_of_groups_of_one_size_the_one_of_the_smallest_id_is_ranked() -> None:
    other = {"rules": {"pmc_vqa": "another"}}
    made = estimates(
        [run("d", wrong(1)), run("c", wrong(1)), run("b", wrong(1), **other), run("a", wrong(), **other)], ONE
    )
    assert [made[id].rank is None for id in "abcd"] == [False, False, True, True]


def test_the_order_of_entries_does_not_matter() -> None:
    rows = [run("a", wrong(1)), run("b", wrong(*range(9))), run("c", wrong(2), rules={"pmc_vqa": "another"})]
    made = [estimates(order, ONE) for order in permutations(rows)]
    assert all(one == made[0] for one in made)


def test_pooled_tasks_are_one_set_of_questions_and_share_images() -> None:
    pooled = column((Part(("slake_closed", "pmc_vqa")),))
    images = {"slake_closed": ["x", "x", "y"], "pmc_vqa": ["x", "z"]}
    one = entry("a", {"slake_closed": [1, 0, 1], "pmc_vqa": [1, 1]}, images=images)
    made = estimates([one, run("b", [1, 1])], pooled)
    assert made.keys() == {"a"}, "rows without all of the tasks have no value"
    assert made["a"].value == 0.8
    assert made["a"].n == 5
    assert (made["a"].low, made["a"].high) == cluster_interval([1, 0, 1, 1, 1], ["x", "x", "y", "x", "z"])


def test_weighted_parts_are_drawn_independently() -> None:
    """Three equal parts: the variance of the mean is w' w p (1 - p) / n, not p (1 - p) / n as for a single part."""
    tasks = ("pmc_vqa", "slake_closed", "pathvqa_closed")
    weights = (0.5, 0.3, 0.2)
    half = [1.0, 0.0] * 50
    weighted = column(tuple(Part((task,), weight) for task, weight in zip(tasks, weights, strict=True)))
    one = entry("a", {"pmc_vqa": half, "slake_closed": half, "pathvqa_closed": [1.0] * 25 + [0.0] * 75})
    made = estimates([one], weighted)["a"]
    assert made.value == pytest.approx(0.5 * 0.5 + 0.3 * 0.5 + 0.2 * 0.25)
    assert made.n == 300
    error = sqrt((0.25 * 0.25 + 0.09 * 0.25 + 0.04 * 0.1875) / 100)
    assert made.low is not None
    assert made.high is not None
    assert made.high - made.low == pytest.approx(2 * 1.96 * error, rel=0.06)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_weighted_column_at_an_end_has_wilsons_interval(score: float) -> None:
    """Parts that weigh by their questions are worth all questions together; a bootstrap would have no width."""
    weighted = column((Part(("pmc_vqa",), 0.75), Part(("slake_closed",), 0.25)))
    made = estimates([entry("a", {"pmc_vqa": [score] * 60, "slake_closed": [score] * 20})], weighted)["a"]
    assert (made.low, made.high) == pytest.approx(wilson(score, 80), abs=0.01)
    small = estimates([entry("a", {"pmc_vqa": [score] * 60, "slake_closed": [score] * 2})], weighted)["a"]
    assert made.low is not None
    assert small.low is not None
    assert (small.high or 0) - small.low > 2 * ((made.high or 0) - made.low)


def test_a_difference_of_parts_at_an_end_keeps_its_value() -> None:
    gap = column((Part(("pmc_vqa",)), Part(("slake_closed",), -1.0)), better=None)
    made = estimates([entry("a", {"pmc_vqa": [1.0] * 60, "slake_closed": [0.0, 1.0] * 20})], gap)["a"]
    assert made.value == 0.5
    assert (made.low or 0) < 0.5 < (made.high or 0)


def test_a_difference_of_parts_has_an_interval_but_no_rank() -> None:
    gap = column((Part(("vgmed_coco_attribute",)), Part(("vgmed_attribute",), -1.0)), metric="ar", better=None)
    rng = np.random.default_rng(0)
    medical, coco = rng.normal(1, 0.2, 100), rng.normal(3, 0.2, 150)
    scores = {"vgmed_attribute": medical, "vgmed_coco_attribute": coco}
    made = estimates([entry("a", scores), entry("b", scores, rules={"vgmed_attribute": "another"})], gap)
    assert made["a"].value == pytest.approx(coco.mean() - medical.mean())
    assert made["a"].low is not None
    assert made["a"].low < made["a"].value < (made["a"].high or 0)
    assert {one.rank for one in made.values()} == {None}
    assert {one.apart for one in made.values()} == {""}


def test_the_first_way_that_is_there_counts_and_is_compared_with_its_like_only() -> None:
    both = column((Part(("vgmed_localization", "vgmed_attribute")),), (Part(("vgmed_localization",)),), metric="ar")
    whole = {"vgmed_localization": [1.0, 2.0], "vgmed_attribute": [6.0, 7.0]}
    rows = [entry(id, whole, weights=id) for id in "ab"]
    rows.append(entry("c", {"vgmed_localization": [1.0, 2.0]}, weights="c"))
    made = estimates(rows, both)
    assert [made[id].value for id in "abc"] == [4, 4, 1.5]
    assert [made[id].rank is None for id in "abc"] == [False, False, True]
    assert made["c"].apart == "other tasks"


def test_a_task_of_another_metric_is_no_task_of_the_column() -> None:
    assert estimates([run("a", wrong())], column((Part(("pmc_vqa",)),), metric="open_recall")) == {}


@pytest.mark.parametrize("metric", ["kl", "js"])
def test_where_lower_is_better_ranks_turn_around(metric: str) -> None:
    rng = np.random.default_rng(6)
    task, images = "vgmed_attribute", [f"image {number // 3}" for number in range(300)]
    ease = rng.gamma(2.0, 0.5, 300)
    rows = {f"run {n}": ease + n / 4 + rng.normal(0, 0.5, 300) for n in range(6)}

    def ranked(sign: float, metric_of: str, better: str) -> dict[str, Rank | None]:
        entries = [
            entry(id, {task: [1.0] * 300}, further={task: {metric_of: sign * row}}, images={task: images}, weights=id)
            for id, row in rows.items()
        ]
        made = estimates(entries, column((Part((task,)),), metric=metric_of, better=better))
        for id, row in rows.items():
            assert (made[id].low, made[id].high) == pytest.approx(
                tuple(cluster_interval(sign * row, images)), abs=1e-12
            )
        return {id: one.rank for id, one in made.items()}

    lower = ranked(1.0, metric, "lower")
    assert lower == ranked(-1.0, metric, "higher")
    assert lower["run 0"] == Rank(1, 1, 6)
    assert lower["run 5"] is not None
    assert lower["run 5"].best > 1


def test_whoever_comes_first_counts() -> None:
    """A row that is like two earlier rows does not merge those two."""
    rng = np.random.default_rng(0)
    one, other = rng.normal(5, 1, 400), rng.normal(5, 1, 400)
    other = 0.8 * one + 0.6 * other + 0.1
    between = (one + other) / 2 + 3
    worst = rng.normal(0, 1, 400)
    rows = [run("z", one, arrival=1), run("y", other, arrival=2), run("x", worst, arrival=3)]
    assert places(rows)["x"] == (3, 3)
    assert places([*rows, run("a", between, arrival=4)])["x"] == (3, 4)
