"""Many runs at once are every pair."""

from __future__ import annotations

import math
import tracemalloc
from itertools import combinations
from statistics import fmean

import numpy as np
import pytest
from clustered import clustered

from lmms_vg.metrics.statistics import cluster_interval, joint, paired, percentile_interval, resample


def several(count: int, images: int = 30, each: int = 3) -> tuple[list[list[float]], list[str]]:
    rng = np.random.default_rng(9)
    scores = [clustered(rng, images, each)[0] for _ in range(count)]
    return scores, [f"image {number}" for number in clustered(rng, images, each)[1]]


@pytest.mark.parametrize("options", [{}, {"resamples": 10_000}, {"seed": 4, "resamples": 301}])
def test_many_runs_at_once_are_every_pair_to_the_bit(options: dict[str, int]) -> None:
    runs, images = several(5)
    drawn = resample(runs, images, **options)
    named = [dict(enumerate(scores)) for scores in runs]
    for a, b in combinations(range(5), 2):
        alone = paired(named[a], named[b], dict(enumerate(images)), **options)
        assert drawn.difference(a, b) == alone
        assert drawn.difference(b, a) == paired(named[b], named[a], dict(enumerate(images)), **options)
    for scores, resampled in zip(runs, drawn.sums / drawn.counts, strict=True):
        assert tuple(percentile_interval(resampled)) == cluster_interval(scores, images, **options)


def test_many_runs_of_fractions_are_every_pair() -> None:
    images = several(1)[1]
    runs = np.random.default_rng(1).random((3, len(images)))
    drawn = resample(runs, images)
    alone = paired(dict(enumerate(runs[0])), dict(enumerate(runs[2])), dict(enumerate(images)))
    assert drawn.difference(0, 2) == pytest.approx(alone, rel=1e-12)


def test_many_runs_against_a_loop() -> None:
    """Draw images, list all their questions, and average; the 2.5th percentile is between its two neighbours."""
    runs, images = several(3, images=25, each=2)
    del images[-1], runs[0][-1], runs[1][-1], runs[2][-1]  # an image with fewer questions than the others
    drawn, names = resample(runs, images, resamples=201, seed=3), sorted(set(images))
    differences = []
    for number, draw in enumerate(np.random.default_rng(3).integers(0, len(names), (201, len(names)))):
        questions = [q for place in draw for q, image in enumerate(images) if image == names[place]]
        assert drawn.counts[number] == len(questions)
        assert [run[number] for run in drawn.sums] == [sum(scores[q] for q in questions) for scores in runs]
        differences.append(fmean(runs[1][q] for q in questions) - fmean(runs[0][q] for q in questions))
    differences.sort()
    made = drawn.difference(0, 1)
    assert (made.low, made.high) == pytest.approx((differences[5], differences[195]))  # 0.025 and 0.975 of 200 steps
    assert made.mean == pytest.approx(fmean(runs[1]) - fmean(runs[0]))


@pytest.mark.parametrize("limit", ["_BLOCK", "BATCH"])
def test_blocks_of_runs_and_batches_of_draws_change_nothing(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, images = several(5)
    whole = resample(runs, images)
    monkeypatch.setattr(joint, limit, 60)  # two runs, or two draws, of 30 images
    parts = resample(runs, images)
    assert (parts.sums == whole.sums).all()
    assert (parts.counts == whole.counts).all()


@pytest.mark.slow
def test_memory_of_many_runs_is_bounded() -> None:
    runs, images = np.random.default_rng(0).random((300, 30_000)), range(30_000)
    tracemalloc.start()
    resample(runs, images, resamples=100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 250e6  # all draws of all runs would take 7 GB


def test_many_runs_on_one_image_tell_nothing() -> None:
    alone = paired({"q": 0, "r": 0}, {"q": 1, "r": 0}, {"q": "x", "r": "x"})
    made = resample([[0, 0], [1, 0]], ["x", "x"]).difference(0, 1)
    assert (made.mean, made.p) == (alone.mean, alone.p) == (0.5, 1)
    assert math.isnan(made.low)
    assert math.isnan(made.high)


@pytest.mark.parametrize(
    ("runs", "message"),
    [([], "0 runs"), ([[1, 0], [1]], r"\(1,\) and 2 "), ([[1, 0], [1, math.nan]], "number 1 is not")],
)
def test_unusable_runs_are_refused(runs: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resample(runs, ["x", "y"])
