"""Values and intervals agree with `statistics`, ranks with their definition, pair by pair."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import nan, sqrt

import numpy as np
import pytest
from entries import entry

from lmms_vg.leaderboard.alike import Counter
from lmms_vg.leaderboard.columns import Measure, Part, Way
from lmms_vg.leaderboard.ranks import Estimate, estimates, ranks
from lmms_vg.metrics.statistics import cluster_interval, paired
from lmms_vg.submission.validated import Entry


def column(*ways: Way, metric: str = "acc", better: str | None = "higher") -> Measure:
    return Measure("column", metric, ways, "", better)  # type: ignore[arg-type]


ONE = column((Part(("pmc_vqa",)),))


def run(id: str, scores: Sequence[float], **changes: object) -> Entry:
    return entry(id, {"pmc_vqa": scores}, **changes)  # type: ignore[arg-type]


def placed(*scores: Sequence[float]) -> list[int | None]:
    made = estimates([run(str(number), one) for number, one in enumerate(scores)], ONE)
    return [made[str(number)].rank for number in range(len(scores))]


def wrong(*questions: int, of: int = 100) -> list[float]:
    """Return scores that are right except for these questions."""
    return [float(number not in questions) for number in range(of)]


def test_rows_that_nobody_separates_share_a_rank() -> None:
    assert placed(wrong(1, 2), wrong(2, 3), wrong(*range(40)), wrong(*range(5, 45)), wrong(*range(90))) == [
        1,
        1,
        3,
        3,
        5,
    ]


def test_rows_that_are_alike_count_once_above_others() -> None:
    """Five copies of the best row, each with another answer spoiled, push nobody down, and still rank below it."""
    best, worst = wrong(*range(40)), wrong(*range(90))
    copies = [wrong(*range(40), 90 + number) for number in range(5)]
    assert placed(best, worst) == [1, 2]
    assert placed(best, *copies, worst) == [1] * 6 + [2]
    spoiled = [wrong(*range(40), *range(90, 95)) for _ in range(5)]
    assert placed(best, *spoiled, worst) == [1, *[2] * 5, 2], "five questions lost and none won is a sure difference"


def test_equal_rows_share_a_rank_whatever_their_number() -> None:
    assert placed(*[wrong(1)] * 4) == [1] * 4
    assert placed(wrong(1)) == [1]


def test_not_separated_is_not_transitive() -> None:
    """The first is surely better than the third, and the second differs from neither: a third row separates the last two."""
    best, middle, last = wrong(), wrong(*range(3)), wrong(*range(6))
    assert placed(best, middle) == [1, 1]
    assert placed(middle, last) == [1, 1]
    assert placed(best, last) == [1, 2]
    assert placed(best, middle, last) == [1, 1, 2]


def test_a_higher_mean_may_have_the_lower_rank() -> None:
    """The second loses six questions to the first and wins none; the third loses 30 and wins 22, so it may be as good."""
    first = wrong(*range(70, 100))
    second = wrong(*range(6), *range(70, 100))
    third = wrong(*range(30), *range(92, 100))
    assert sum(second) > sum(third)
    assert placed(first, second, third) == [1, 2, 1]


def test_ranks_are_what_they_are_defined_as() -> None:
    """1 + the rows whose paired interval, computed by `statistics.paired` alone, is above 0; images have several questions."""
    rng = np.random.default_rng(4)
    images = {"pmc_vqa": [f"image {number // 3}" for number in range(120)]}
    ease = rng.random(120)
    rows = {f"run {skill:.2f}": (ease < skill).astype(float) for skill in rng.uniform(0.3, 0.8, 12)}
    rows = {id: np.where(rng.random(120) < 0.05, 1 - row, row) for id, row in rows.items()}
    made = estimates([run(id, row, images=images) for id, row in rows.items()], ONE)
    where = dict(enumerate(images["pmc_vqa"]))
    for id, row in rows.items():
        others = [paired(dict(enumerate(row)), dict(enumerate(other)), where) for other in rows.values()]
        assert made[id].rank == 1 + sum(other.low > 0 for other in others)
        assert (made[id].low, made[id].high) == cluster_interval(row, images["pmc_vqa"])
    assert len({one.rank for one in made.values()}) > 3


@pytest.mark.parametrize("resamples", [2, 40, 41, 100, 2000])
def test_counting_gives_what_the_percentile_gives(resamples: int) -> None:
    """With 41 resamples the percentile is one of them; with 2,000 it lies between two, one of which may be above 0."""
    rng = np.random.default_rng(resamples)
    for spread in (0.5, 1.0, 2.0):
        drawn = rng.normal(size=(25, resamples)).round(1) * 0.1 + spread * rng.normal(size=(25, 1)) * 0.2
        low = np.quantile(drawn[:, None] - drawn[None], 0.025, axis=2)
        assert ranks(drawn, Counter(np.eye(25))) == [1 + int((low[:, row] > 1e-12).sum()) for row in range(25)]


def test_differences_of_rounding_are_none() -> None:
    drawn = np.random.default_rng(0).random((1, 200))
    assert ranks(np.concatenate([drawn, drawn + 1e-15, drawn + 1e-6]), Counter(np.eye(3))) == [2, 2, 1]


def test_images_not_questions_are_drawn() -> None:
    """Eight questions, all lost together, share one image, which a draw may leave out."""
    images = {"pmc_vqa": [f"image {max(number - 7, 0)}" for number in range(100)]}
    made = estimates([run("a", wrong(), images=images), run("b", wrong(*range(8)), images=images)], ONE)
    assert [made[id].rank for id in "ab"] == [1, 1]
    assert placed(wrong(), wrong(*range(8))) == [1, 2]


def test_a_single_image_separates_nobody_and_has_no_interval() -> None:
    images = {"pmc_vqa": ["image"] * 100}
    made = estimates([run("a", wrong(), images=images), run("b", wrong(*range(50)), images=images)], ONE)
    assert made == {"a": Estimate(1.0, None, None, 100, 1, ""), "b": Estimate(0.5, None, None, 100, 1, "")}


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
    assert [made[id].rank for id in "abc"] == [None, 1, 2]
    assert [made[id].apart for id in "abc"] == [apart, "", ""]
    assert made["a"].value == 1
    assert made["a"].low == 1
    assert made["a"].n == sum(score == score for score in scores)


def test_of_groups_of_one_size_the_one_of_the_smallest_id_is_ranked() -> None:
    other = {"rules": {"pmc_vqa": "another"}}
    made = estimates(
        [run("d", wrong(1)), run("c", wrong(1)), run("b", wrong(1), **other), run("a", wrong(), **other)], ONE
    )
    assert [made[id].rank for id in "abcd"] == [1, 1, None, None]


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
    rows = [entry("a", whole), entry("b", whole), entry("c", {"vgmed_localization": [1.0, 2.0]})]
    made = estimates(rows, both)
    assert [made[id].value for id in "abc"] == [4, 4, 1.5]
    assert [made[id].rank for id in "abc"] == [1, 1, None]
    assert made["c"].apart == "other tasks"


def test_a_task_of_another_metric_is_no_task_of_the_column() -> None:
    assert estimates([run("a", wrong())], column((Part(("pmc_vqa",)),), metric="open_recall")) == {}


@pytest.mark.parametrize("metric", ["kl", "js"])
def test_where_lower_is_better_ranks_turn_around(metric: str) -> None:
    """1 + the rows whose paired interval, computed by `statistics.paired` alone, is below 0."""
    rng = np.random.default_rng(6)
    task, images = "vgmed_attribute", [f"image {number // 3}" for number in range(150)]
    ease = rng.gamma(2.0, 0.5, 150)
    rows = {f"run {n}": ease + n / 10 + rng.normal(0, 0.5, 150) for n in range(6)}
    rows = {id: rng.permutation(row) if id == "run 3" else row for id, row in rows.items()}
    made = estimates(
        [
            entry(id, {task: [1.0] * 150}, further={task: {metric: row}}, images={task: images}, weights=id)
            for id, row in rows.items()
        ],
        column((Part((task,)),), metric=metric, better="lower"),
    )
    where = dict(enumerate(images))
    for id, row in rows.items():
        assert (made[id].low, made[id].high) == pytest.approx(tuple(cluster_interval(row, images)), abs=1e-12)
        better = [
            other
            for other in rows
            if paired(dict(enumerate(rows[other])), dict(enumerate(row)), where).low > 0  # this row is higher
        ]
        kept: list[str] = []
        for other in sorted(better, key=lambda one: rows[one].mean()):
            if all(np.corrcoef(rows[other], rows[one])[0, 1] < 0.9 for one in kept):
                kept.append(other)
        assert made[id].rank == 1 + len(kept)
    assert made["run 0"].rank == 1
    assert max(one.rank or 0 for one in made.values()) > 1


def test_whoever_comes_first_counts() -> None:
    """A row that is like two earlier rows does not merge those two."""
    rng = np.random.default_rng(0)
    one, other = rng.normal(5, 1, 400), rng.normal(5, 1, 400)
    other = 0.8 * one + 0.6 * other + 0.1
    between = (one + other) / 2 + 3
    worst = rng.normal(0, 1, 400)
    rows = [run("z", one, arrival=1), run("y", other, arrival=2), run("x", worst, arrival=3)]
    before = estimates(rows, ONE)["x"].rank
    assert before == 3
    assert (estimates([*rows, run("a", between, arrival=4)], ONE)["x"].rank or 0) >= before
