"""Groups that are averaged as their protocol says."""

from __future__ import annotations

import csv
import io
import random
from math import log
from pathlib import Path
from statistics import quantiles

import pytest
from saved_run import closed, save, tables

from lmms_vg.datasets import mmmu
from lmms_vg.runs.compare import compare
from lmms_vg.runs.forced_choice import forced
from lmms_vg.runs.group_weights import weights
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.report import report
from lmms_vg.runs.results import Run
from lmms_vg.tasks import yaml_files
from lmms_vg.tasks.scoring_closed import weighted_as_mmmu

SUBJECTS = yaml_files.groups()["mmmu_med"]


def test_weights_are_those_of_lmms_evals_average() -> None:
    stated = weights(SUBJECTS)
    assert stated is not None
    assert set(stated.values()) == {mmmu.MMMU.counts[f"test/{subject}"] for subject in mmmu.SUBJECTS}
    assert weights(SUBJECTS[:1]) is None
    assert weights(["slake_closed", "pmc_vqa"]) is None


def test_a_weighted_group_has_the_sign_of_its_average_everywhere_else(tmp_path: Path) -> None:
    """Pooled the second run is better, weighted it is worse: the gain is in a subject of few test questions."""
    stated = weights(SUBJECTS)
    assert stated is not None
    small, large = min(SUBJECTS, key=stated.__getitem__), max(SUBJECTS, key=stated.__getitem__)
    runs, accuracies = [], []
    for name, gains in (("plain", {small: 0, large: 12}), ("other", {small: 13, large: 0})):
        tasks = {
            task: [closed(f"q{i}", int(i < gains.get(task, 0)), f"{task}{i}") for i in range(30)] for task in SUBJECTS
        }
        runs.append(read_run(save(tmp_path / name, tasks, groups={"mmmu_med": SUBJECTS}, model=f"m_{name}")))
        accuracies.append(
            weighted_as_mmmu([gains.get(task, 0) / 30 for task in SUBJECTS], [30] * 5, True)  # in the group's order
        )
    comparison = compare(runs)
    before, after = (line for line in comparison.lines if line.name == "mmmu_med")
    assert (before.score, after.score) == pytest.approx(accuracies)
    assert after.against is not None
    assert after.against.difference.mean == pytest.approx(accuracies[1] - accuracies[0])
    assert after.against.difference.mean < 0
    assert comparison.weighted == {"mmmu_med"}
    assert "mmmu_med, weighted" in comparison.table()


def lettered(folder: Path, name: str, right: dict[str, int], without: str = "") -> Run:
    """Thirty questions with the options A and B per subject; `right` of them are preferred rightly. All answers are wrong."""
    tasks = {}
    for task in SUBJECTS:
        lines = []
        for number in range(30):
            share = 0.8 if number < right.get(task, 0) else 0.3
            line = closed(f"q{number}", 0, f"{task}{number}") | {"target": "A"}
            values = {"log_p": {"A": log(share), "B": log(1 - share)}, "mass": 1.0}
            given = {"no_value": "shared_first_token"} if task == without else values
            lines.append(line | {"n": line["n"] | {"first_token": given}})
        tasks[task] = lines
    return read_run(save(folder / name, tasks, groups={"mmmu_med": SUBJECTS}, model=f"m_{name}"))


def test_forced_choice_of_letters_is_weighted_as_the_group(tmp_path: Path) -> None:
    stated = weights(SUBJECTS)
    assert stated is not None
    small, large = min(SUBJECTS, key=stated.__getitem__), max(SUBJECTS, key=stated.__getitem__)
    rights = ({small: 3, large: 15}, {small: 15, large: 5})
    expected = [weighted_as_mmmu([right.get(task, 0) / 30 for task in SUBJECTS], [30] * 5, True) for right in rights]
    runs = [lettered(tmp_path, name, right) for name, right in zip(("plain", "other"), rights, strict=True)]
    comparison = compare(runs)
    before, after = (line for line in comparison.lines if line.name == "mmmu_med")
    assert before.forced is not None
    assert after.forced is not None
    assert [before.forced.accuracy, after.forced.accuracy] == pytest.approx(expected)
    assert (before.forced.n, before.forced.mass) == (150, pytest.approx(1))
    assert after.against is not None
    assert after.against.forced is not None
    assert after.against.forced.accuracy.mean == pytest.approx(expected[1] - expected[0])
    assert after.against.forced.auc is None
    assert "nan" not in comparison.table()


def test_the_interval_of_a_weighted_forced_choice_is_that_of_a_bootstrap_by_hand(tmp_path: Path) -> None:
    """Every subject's thirty images are drawn anew, 4,000 times; means are weighted as MMMU weighs them."""
    right = dict(zip(SUBJECTS, (6, 11, 15, 20, 24), strict=True))
    run = lettered(tmp_path, "plain", right)
    stated = weights(SUBJECTS)
    assert stated is not None
    about = forced([run.tasks[task] for task in SUBJECTS], stated)
    assert about is not None
    draw, total = random.Random(0), sum(stated.values())
    means = [
        sum(stated[task] / total * sum(draw.random() < n / 30 for _ in range(30)) / 30 for task, n in right.items())
        for _ in range(4000)
    ]
    ends = quantiles(means, n=40, method="inclusive")
    assert [*about.interval] == pytest.approx([ends[0], ends[-1]], abs=0.008)
    assert about.interval.high - about.interval.low > 0.1
    (row,) = (cells for table in tables(report(run)) for cells in table if cells[0] == "mmmu_med, weighted")
    assert [float(end) / 100 for end in row[4].split(" to ")] == pytest.approx([*about.interval], abs=1e-4)
    rows = csv.DictReader(io.StringIO(compare([run, lettered(tmp_path, "other", right)]).table("csv")))
    (low, high) = next((one["forced_score_low"], one["forced_score_high"]) for one in rows if one["task"] == "mmmu_med")
    assert [float(low), float(high)] == pytest.approx([*about.interval])


def test_a_subject_without_values_leaves_its_group_without_a_mean(tmp_path: Path) -> None:
    runs = [lettered(tmp_path, name, {}, SUBJECTS[0]) for name in ("plain", "other")]
    comparison = compare(runs)
    (line,) = (line for line in comparison.lines if line.name == "mmmu_med" and line.against)
    assert line.forced is not None
    assert line.forced.n == 0
    assert line.against is not None
    assert line.against.forced is None
    assert "30: " in comparison.table(), "they are counted, once"
