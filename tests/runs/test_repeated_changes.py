"""Settings of several seeds against each other: which are compared, how their runs are paired, and how p is corrected."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from said import said_run

from lmms_vg.metrics.statistics.repeated_difference import repeated_difference
from lmms_vg.runs.compare import compare
from lmms_vg.runs.results import Run

TRUTH = [True, False] * 40


def drawn(folder: Path, wrong: float, sampled: int | None, method: str = "plain", **hyper_parameters: int) -> Run:
    """A run whose answers are wrong at a rate, drawn by its seeds."""
    rng = np.random.default_rng([len(method), sampled or 0, *hyper_parameters.values()])
    said = [yes != (rng.random() < wrong) for yes in TRUTH]
    identity = {} if sampled is None else {"sampling_seed": sampled}
    return said_run(folder, said, TRUTH, method, identity=identity, **hyper_parameters)


def scores(runs: list[Run]) -> list[list[float]]:
    return [[run.tasks["t"].scores[uid] for uid in runs[0].tasks["t"].scores] for run in runs]


@pytest.mark.parametrize("seeds", [(1, 2, 3), (4, 5, 6, 7)])
def test_a_method_against_plain_with_seeds(tmp_path: Path, seeds: tuple[int, ...]) -> None:
    """The same seeds are paired, in whatever order the runs are named; others are independent."""
    plain = [drawn(tmp_path / f"p{seed}", 0.4, seed) for seed in (1, 2, 3)]
    method = [drawn(tmp_path / f"v{seed}", 0.2, seed, "vgrefine", k=5) for seed in seeds]
    comparison = compare([*plain, *reversed(method)])
    (change,) = comparison.repeated_changes
    images = [*plain[0].tasks["t"].images.values()]
    expected = repeated_difference(scores(plain), scores(method), images, by_seed=len(seeds) == 3, resamples=10_000)
    assert change.result.by_seed is (len(seeds) == 3)
    assert change.result.difference == pytest.approx(expected.difference)
    assert change.holm == change.result.difference.p
    text = comparison.table()
    shown = f"| (vgrefine (k=5), {len(seeds)} seeds) - (plain, 3 seeds) | t | 80 | {len(seeds)} - 3"
    assert shown in text
    assert "differences of repeated runs" in text
    assert "differences of repeated runs" in comparison.table("latex")
    lines = [*csv.DictReader(io.StringIO(comparison.table("csv")))]
    (line,) = [entry for entry in lines if entry["base"] == "plain, 3 seeds"]
    assert float(line["difference"]) == pytest.approx(change.result.difference.mean)
    assert float(line["error_seeds"]) == pytest.approx(change.result.of_runs)


def test_a_method_against_its_controls_seeds_and_the_number_of_settings(tmp_path: Path) -> None:
    """Controls with two seeds, plain and a method with one run each: control - plain, and method - control."""
    runs = [drawn(tmp_path / "p", 0.4, None), drawn(tmp_path / "v", 0.2, None, "vgrefine", k=5)]
    runs += [drawn(tmp_path / f"r{seed}", 0.3, None, "random_mask", k=5, seed=seed) for seed in (1, 2)]
    changes = compare(runs).repeated_changes
    assert [(entry.setting[0].name, entry.other[0].name) for entry in changes] == [
        ("random_mask", "plain"),
        ("vgrefine", "random_mask"),
    ]
    assert [entry.result.runs for entry in changes] == [(1, 2), (2, 1)]
    p = sorted(entry.result.difference.p for entry in changes)
    assert sorted(entry.holm for entry in changes) == pytest.approx([min(1, 2 * p[0]), min(1, max(2 * p[0], p[1]))])


def test_no_seeds_no_table(tmp_path: Path) -> None:
    runs = [drawn(tmp_path / "p", 0.4, None), drawn(tmp_path / "v", 0.2, None, "vgrefine", k=5)]
    assert compare(runs).repeated_changes == []
    assert "repeated runs" not in compare(runs).table()
