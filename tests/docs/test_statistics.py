"""The worked examples of docs/statistics.md are what the code computes."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from math import log
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from saved_run import IDENTITY, closed, save, spec, tables

from benchmarks.yes_no_runs import runs_with_everything
from lmms_vg.leaderboard import vs_plain_columns, vs_plain_forced
from lmms_vg.leaderboard.alike import Counter
from lmms_vg.leaderboard.ranks import differing, ranks, surely_better
from lmms_vg.metrics.category_means import macro
from lmms_vg.metrics.forced_choice import auc, calibration_error, correct_at_rate, preference
from lmms_vg.metrics.signal_detection import detection, detection_shift
from lmms_vg.metrics.statistics import (
    cluster_interval,
    effective_n,
    equal_within,
    holm,
    mcnemar,
    paired,
    resample,
    sign_flips,
    smallest_detectable,
)
from lmms_vg.metrics.statistics.repeats import repeats
from lmms_vg.reproduce.verdict import Score, verdict
from lmms_vg.reproduce.verdict_words import words
from lmms_vg.runs import (
    grounded_tables,
    grounding_change_tables,
    grounding_tables,
    image_control_tables,
    repeated_tables,
)
from lmms_vg.runs.compare import compare
from lmms_vg.runs.group_weights import weights
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.report import report
from lmms_vg.runs.results import Run
from lmms_vg.tasks import yaml_files

TEXT = " ".join((Path(__file__).parents[2] / "docs" / "statistics.md").read_text(encoding="utf-8").split())


def test_intervals() -> None:
    assert cluster_interval([1] * 30, range(30)) == pytest.approx((0.886, 1), abs=5e-4)
    assert cluster_interval([1] * 29 + [0], range(30)) == pytest.approx((0.833, 0.994), abs=5e-4)
    assert "Wilson .886 to 1. 29 of 30: .833 to .994" in TEXT
    assert effective_n([0] * 300, [number // 3 for number in range(300)]) == pytest.approx(100)
    assert effective_n([0] * 300, range(300)) == 300
    assert "300 right answers about 100 images are worth 100 questions; about 300 images, 300" in TEXT


def test_p_values() -> None:
    assert sign_flips([1] * 6 + [-1]).p == 16 / 128
    assert sign_flips([1, 1]).p == 2 / 4
    assert "16 of the 128 ways reach a sum of 5, so p = .125" in TEXT
    assert holm({"a": 0.004, "b": 0.03, "c": 0.2}) == pytest.approx({"a": 0.012, "b": 0.06, "c": 0.2})
    assert holm({"winner": 0.004}, family=16) == {"winner": 0.064}
    assert ".004, .03 and .2 become .012, .06 and .2" in TEXT


def test_p_of_d_prime() -> None:
    truth, images = [True, False] * 10, [number // 2 for number in range(20)]
    shift = detection_shift([True] * 20, [True, False] * 8 + [False] * 4, truth, images)
    assert shift is not None
    assert (round(shift.d_prime.mean, 2), shift.d_prime.p) == (2.44, 4 / 1024)
    assert "d' rises from .00 to 2.44, and 4 of the 1,024 ways change it as much: p .004" in TEXT


def test_a_weighted_group() -> None:
    counts = weights(yaml_files.groups()["mmmu_med"])
    assert counts is not None
    share = sum(count * (0.5 if task == "mmmu_med_public_health" else 0.1) for task, count in counts.items())
    assert (counts["mmmu_med_public_health"], sum(counts.values())) == (509, 1752)
    assert round(100 * share / 1752, 1) == 21.6
    assert "in each of the other four subjects: weighted 21.6%, pooled 18.0%" in TEXT


def test_repeated_runs() -> None:
    """Which of the guessed answers are right decides the error of images, so these are drawn."""
    rng = np.random.default_rng(0)
    share = np.r_[np.ones(90), np.zeros(60), np.full(50, 0.5)]
    scores = (rng.random((5, 200)) < share).astype(float)
    assert scores.sum(1).tolist() == [111, 116, 119, 119, 110]
    result = repeats(scores, range(200))
    assert [round(100 * value, 2) for value in result[1:]] == [57.5, 2.15, 0.96, 3.11, 3.15, 51.28, 63.72]
    assert "mean 57.50, spread 2.15, error .96 for seeds, 3.11 for images, 3.15 for both, so 51.28 to 63.72" in TEXT


def test_a_difference_that_is_not_significant() -> None:
    """The first 24 wrong answers become right and the last 9 right ones wrong; images have three questions each."""
    a = {number: float(number % 2) for number in range(300)}
    better = [number for number in a if a[number] == 0][:24]
    worse = [number for number in a if a[number] == 1][-9:]
    b = a | dict.fromkeys(better, 1.0) | dict.fromkeys(worse, 0.0)
    result = paired(a, b, {number: number // 3 for number in a}, resamples=10_000)
    assert (round(100 * result.low, 2), round(100 * result.high, 2), result.images) == (0.33, 9.67, 22)
    assert (round(result.p, 3), round(mcnemar(a, b).p, 3)) == (0.057, 0.014)
    assert round(100 * smallest_detectable(result), 1) == 6.8
    assert equal_within(result, 0.01) == "cannot tell"
    assert "24 better and 9 worse: +5.00 (+0.33 to +9.67), p .057. Detectable is 6.8" in TEXT
    assert "it says .014 where sign flips say .057: 33 answers differ, but they are about 22 images" in TEXT


def test_no_difference() -> None:
    a = dict.fromkeys(range(1000), 1.0)
    result = paired(a, dict(a), {number: number for number in a})
    assert (round(100 * result.high, 2), round(100 * smallest_detectable(result), 2)) == (0.38, 0.65)
    assert equal_within(result, 0.01) == "yes"
    assert "+0.00 (-0.38 to +0.38)" in TEXT
    assert "detectable .65, equal: yes" in TEXT


@pytest.mark.parametrize(("hits", "alarms", "shown"), [(45, 10, "1.32 -0.00 0.75"), (57, 26, "1.20 -0.98 0.65")])
def test_signal_detection(hits: int, alarms: int, shown: str) -> None:
    said = [True] * hits + [False] * (60 - hits) + [True] * alarms + [False] * (40 - alarms)
    result = detection(said, [True] * 60 + [False] * 40)
    assert f"{result.d_prime:.2f} {result.criterion:.2f} {result.balanced_accuracy:.2f}" == shown
    assert f"Yes to {hits} and {alarms}: d' {result.d_prime:.2f}" in TEXT


def test_weighted_means_at_the_ends() -> None:
    for of_a, low in ((30, 0.940), (58, 0.561)):
        ends = macro([1] * 60, ["a"] * of_a + ["b"] * (60 - of_a), range(60)).interval
        assert ends == pytest.approx((low, 1), abs=5e-4)
    assert ".940 to 1, as of 60 questions together; in categories of 58 and 2: .561 to 1" in TEXT


def test_scores() -> None:
    right, part = [1, 1, 1, 0, 1], ["A"] * 4 + ["B"]
    assert sum(right) / 5 == 0.8
    assert macro(right, part, range(5)).mean == pytest.approx(0.875)
    assert "n 5, failed 1, micro .800, macro .875" in TEXT


def test_forced_choice_by_hand() -> None:
    """Yes is right for the first two."""
    judged = [
        preference([log(yes), log(no)], right) for yes, no, right in ((0.45, 0.05, 0), (0.3, 0.2, 0), (0.4, 0.1, 1))
    ]
    assert sum(one.correct for one in judged) == 2
    assert auc([log(0.45 / 0.05), log(0.3 / 0.2), log(0.4 / 0.1)], [True, True, False]) == 0.5
    shown = [fmean(one.brier for one in judged), fmean(one.log_score for one in judged)]
    shown += [calibration_error([one.confidence for one in judged], [one.correct for one in judged])]
    assert [round(value, 3) for value in shown] == [0.27, 0.742, 0.433]
    assert "the mean of .01, .16 and .64, .27; the log score that of .105, .511 and 1.609, .742" in TEXT
    assert "ECE that of .1, .4 and .8, .433" in TEXT


def test_accuracy_at_the_bases_yes_rate() -> None:
    truth = [True, True, False, False]
    base, method = ([*map(float, row)] for row in ((1, -1, 1, -1), (3, 2, 1, -1)))
    assert sum(correct_at_rate(base, truth, 0.5)) == 2
    assert sum((margin > 0) == right for margin, right in zip(method, truth, strict=True)) == 3
    assert sum(correct_at_rate(method, truth, 0.5)) == 4
    assert "3 right, +25 points" in TEXT
    assert "4 right, +50 points" in TEXT


def test_ranks() -> None:
    rows = np.array([[float(number < right) for number in range(300)] for right in (240, 180, 176)])
    drawn = resample(list(rows), range(300), resamples=2000)
    better = surely_better(rows.mean(1), drawn.sums / drawn.counts, differing(rows, range(300)), 300)
    assert [rank[:2] for rank in ranks(better, Counter(rows))] == [(1, 1), (2, 3), (2, 3)]
    assert 'A is above both for sure and has "1 of 3"' in TEXT
    assert 'so both have "2–3 of 3"' in TEXT


def test_a_papers_number() -> None:
    printed, others = Decimal("96.67"), {"B": Decimal("96.67")}
    same, apart = (Score(100 * right / 30, 0.0, 100.0, 30) for right in (29, 30))
    assert words(verdict(printed, same, 30, {}), printed) == "the same"
    assert words(verdict(printed, same, 30, others), printed) == "cannot tell: would also pass as B"
    assert words(verdict(printed, apart, 30, {}), printed) == "at least 1 of 30 answers apart (+3.33)"
    assert '30 right is "at least 1 of 30 answers apart (+3.33)"' in TEXT


def test_a_difference_that_lives_nowhere() -> None:
    """`tests/runs/test_saying.py` compares these runs."""
    assert round(sign_flips([1] * 20 + [-1] * 8).p, 3) == 0.036
    assert round(sign_flips([1] * 19 + [-1] * 8).p, 3) == 0.052
    assert "p .036. One of the 20 became readable; without it p is .052" in TEXT


def test_under_a_control(tmp_path: Path) -> None:
    def run(method: str, right: int, control: str = "", changed: int = 0) -> Run:
        """Eighty questions, the first `right` of them right; `changed` answers have another text."""
        lines = [
            closed(f"q{number}", int(number < right)) | {"filtered_resps": "other" if number < changed else "same"}
            for number in range(80)
        ]
        stated = {"control": control, "control_code": "c0de"} if control else {}
        folder = tmp_path / f"{method}_{control}"
        return read_run(save(folder, {"t": lines}, run=IDENTITY | {"method": spec(method)} | stated))

    blank = [
        run("plain", 60),
        run("pai", 70),
        run("plain", 40, "blank_image"),
        run("pai", 25, "blank_image"),
    ]
    plain, method = compare(blank).controls
    assert method.over_plain is not None
    values = (plain.kept, plain.gain.mean, method.kept, method.gain.mean, method.over_plain.mean)
    assert [round(100 * value, 2) for value in values] == [66.67, 25, 35.71, 56.25, 31.25]
    filled = [run("plain", 60, "box_filled", 40), run("plain", 60, "elsewhere_filled", 10)]
    (necessity,) = (line.necessity for line in compare([blank[0], *filled]).controls if line.necessity)
    assert necessity.mean == 0.375
    assert "Plain keeps 66.7% and gains 25.00 points; the method keeps 35.7% and gains 56.25, 31.25 more" in TEXT
    assert "necessity is +37.50 points" in TEXT


def test_every_printed_column_is_listed_and_no_other() -> None:
    """The index at the end of the page has the columns of every table that reports, comparisons and pages print."""
    runs = runs_with_everything(40, 1)
    texts = [compare(runs).table(), report(replace(runs[1], means={"t": {}}))]
    printed = {head for text in texts for table in tables(text) for head in table[0]}
    printed |= {
        *image_control_tables._HEAD,
        *image_control_tables._TESTED,
        *grounding_tables._HEAD,
        *grounding_change_tables._HEAD,
    }
    printed |= {*grounded_tables._HEAD, *grounded_tables._MORE}
    printed |= {*repeated_tables.repeated_table([], "image")[0], *repeated_tables.changes_table([], "image")[0]}
    printed |= {column.title for column in (*vs_plain_columns.COLUMNS, *vs_plain_forced.COLUMNS)}
    printed -= {
        "t (n = 40)",
        "repeated runs",
        "where it looks",
        "against other images",
        "without the image",
    }  # what a row is about
    section = TEXT.split("## Every column")[1].split("## Checked")[0]
    listed = {*re.findall("`([^`]+)`", section)} - {"report", "compare"}
    assert listed == printed
