"""Runs that differ in a seed alone are summarised by `compare`, and are no baselines that contradict each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from said import said_run

from lmms_vg.metrics.statistics.repeats import repeats
from lmms_vg.runs.compare import compare
from lmms_vg.runs.results import Run

TRUTH = [True, False] * 40


def drawn(folder: Path, sampled: int | None, method: str = "plain", **hyper_parameters: int) -> Run:
    rng = np.random.default_rng([len(method), *([] if sampled is None else [sampled]), *hyper_parameters.values()])
    said = [yes != (rng.random() < 0.3) for yes in TRUTH]
    identity = {} if sampled is None else {"sampling_seed": sampled}
    return said_run(folder, said, TRUTH, method, identity=identity, **hyper_parameters)


def test_sampling_seeds_of_plain_and_of_a_method(tmp_path: Path) -> None:
    runs = [drawn(tmp_path / f"p{seed}", seed) for seed in (None, 1, 2)]
    runs += [drawn(tmp_path / f"v{seed}", seed, "vgrefine", k=5) for seed in (1, 2)]
    comparison = compare(runs)
    assert comparison.base.label == "plain"
    assert [run.label for run in runs[1:4]] == [
        "plain [sampling_seed=1]",
        "plain [sampling_seed=2]",
        "vgrefine (k=5) [sampling_seed=1]",
    ]
    plain, method = comparison.repeated
    assert (plain.label, plain.name, len(plain.runs)) == ("plain", "t", 3)
    assert (method.label, len(method.runs)) == ("vgrefine (k=5)", 2)
    task = runs[0].tasks["t"]
    assert plain.summary == repeats(
        [[run.tasks["t"].scores[uid] for uid in task.scores] for run in runs[:3]],
        [task.images[uid] for uid in task.scores],
    )
    text = comparison.table()
    assert "| repeated runs | task | runs |" in text
    assert f"| plain | t | 3 | {100 * plain.summary.mean:.2f} |" in text
    assert "Repeated runs" in comparison.table("latex")


def test_seeds_of_a_random_control_are_repeats_too(tmp_path: Path) -> None:
    runs = [drawn(tmp_path / "p", None)]
    runs += [drawn(tmp_path / f"r{seed}", None, "random_mask", seed=seed) for seed in (1, 2)]
    (control,) = compare(runs).repeated
    assert (control.label, control.summary.runs) == ("random_mask", 2)


def test_the_seed_of_the_protocol_is_no_other_seed(tmp_path: Path) -> None:
    """42 is what a run without a seed of its own samples with: the same answers, not a second draw."""
    runs = [drawn(tmp_path / "a", None), drawn(tmp_path / "b", 42)]
    assert compare(runs).repeated == []
    assert "repeated runs" not in compare(runs).table()


def test_settings_are_no_seeds(tmp_path: Path) -> None:
    runs = [drawn(tmp_path / "p", None), *(drawn(tmp_path / f"v{k}", None, "vgrefine", k=k) for k in (5, 9))]
    assert compare(runs).repeated == []
