"""What runs prefer among the allowed answers: values by hand, what is printed, and runs without values."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from math import exp, isnan, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_run import IDENTITY, closed, opened, save, spec, tables

from lmms_vg.runs.compare import compare
from lmms_vg.runs.comparison import Comparison
from lmms_vg.runs.forced_choice import forced
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.report import report
from lmms_vg.runs.results import Run

N, EACH = 400, 4


def weights(margin: float, mass: float = 0.5) -> dict[str, Any]:
    """First-token values with log p(yes) - log p(no) = margin."""
    yes = mass / (1 + exp(-margin))
    return {"log_p": {"yes": log(yes), "no": log(mass - yes)}, "mass": mass}


def preferring(
    folder: Path,
    margins: Sequence[float | dict[str, Any] | None],
    truth: Sequence[bool],
    said: Sequence[bool | None] | None = None,
    method: str = "plain",
    **hyper_parameters: Any,
) -> Run:
    """A run of yes/no questions; without `said`, answers are what is preferred. None is a question without a record."""
    lines = []
    for number, (margin, right) in enumerate(zip(margins, truth, strict=True)):
        preferred = isinstance(margin, float) and margin > 0
        yes = preferred if said is None else said[number]
        line = closed(f"q{number}", int(yes is right), f"i{number // EACH}", read=yes is not None)
        line["acc"]["extracted"] = None if yes is None else "yes" if yes else "no"
        if margin is not None:
            line["n"]["first_token"] = weights(margin) if isinstance(margin, float) else margin
        lines.append(line | {"target": "Yes" if right else "No"})
    run = IDENTITY | {"method": spec(method, **hyper_parameters)}
    return read_run(save(folder, {"t": lines}, run=run))


def signal(strength: float, seed: int = 0, shift: float = 0) -> tuple[list[float], list[bool]]:
    rng = np.random.default_rng(3)
    truth = rng.random(N) < 0.5
    noise = np.random.default_rng(seed).normal(size=N)
    return ((truth - 0.5) * strength + noise + shift).tolist(), truth.tolist()


def test_values_of_a_run_by_hand(tmp_path: Path) -> None:
    run = preferring(tmp_path, [1.0, -2.0, 0.5, 0.0], [True, True, False, False])
    about = forced([run.tasks["t"]])
    assert about is not None
    assert (about.n, about.missing) == (4, {})
    assert about.accuracy == pytest.approx((1 + 0 + 0 + 0.5) / 4)
    assert about.mass == pytest.approx(0.5)
    assert about.auc == pytest.approx(2 / 4)
    yes = [1 / (1 + exp(-margin)) for margin in (1.0, -2.0, 0.5, 0.0)]
    right = [yes[0], yes[1], 1 - yes[2], 1 - yes[3]]
    assert about.brier == pytest.approx(sum((1 - p) ** 2 for p in right) / 4)
    assert about.log_score == pytest.approx(-sum(map(log, right)) / 4)
    assert isnan(about.interval.low), "one image"


def test_what_has_no_value_is_counted(tmp_path: Path) -> None:
    none = [{"no_value": "shared_first_token"}, {"no_value": "thinks_first"}]
    run = preferring(tmp_path, [1.0, *none, None], [True] * 4)
    about = forced([run.tasks["t"]])
    assert about is not None
    assert about.n == 1
    assert about.missing == {"shared_first_token": 1, "thinks_first": 1, "not_recorded": 1}
    text = report(run)
    assert "the model thinks before it answers" in text
    assert isnan(about.auc), "one class only"


def test_letters_and_open_sets(tmp_path: Path) -> None:
    letters = {"log_p": {"A": log(0.1), "B": log(0.3), "C": log(0.2)}, "mass": 0.6}
    lines = [closed("1", 1), closed("2", 1), closed("3", 0), closed("4", 1)]
    targets, values = ["B", "C", "CT", "A"], [letters, letters, None, None]
    saved = [
        line | {"target": target, "n": line["n"] | ({"first_token": value} if value else {})}
        for line, target, value in zip(lines, targets, values, strict=True)
    ]
    about = forced([read_run(save(tmp_path, {"t": saved})).tasks["t"]])
    assert about is not None
    assert (about.n, about.accuracy, about.missing) == (2, 0.5, {"open_set": 1, "not_recorded": 1})
    assert isnan(about.auc)
    assert about.brier == pytest.approx((_brier([1, 3, 2], 1) + _brier([1, 3, 2], 2)) / 2)


def _brier(shares: list[int], right: int) -> float:
    return sum((share / 6 - (place == right)) ** 2 for place, share in enumerate(shares)) / 2


def both(folder: Path, before: Any, after: Any, truth: list[bool], said: Any = (None, None)) -> Comparison:
    return compare(
        [
            preferring(folder / "plain", before, truth, said[0]),
            preferring(folder / "pai", after, truth, said[1], "pai"),
        ]
    )


def test_a_gain_of_format_does_not_show(tmp_path: Path) -> None:
    """The same preferences; the first run's answers often cannot be read."""
    margins, truth = signal(0.5)
    answers = [margin > 0 for margin in margins]
    unread = [None if number % 3 == 0 else yes for number, yes in enumerate(answers)]
    table = both(tmp_path, margins, margins, truth, (unread, answers))
    change = table.lines[1].against
    assert change is not None
    assert change.holm < 0.05
    assert change.forced is not None
    assert (change.forced.accuracy.mean, change.forced.holm) == (0, 1)
    assert "forced choice does not show the gain" in table.table()


@pytest.mark.slow
def test_saying_yes_more_often_changes_neither_auc_nor_accuracy_at_one_rate(tmp_path: Path) -> None:
    margins, truth = signal(1)
    table = both(tmp_path, margins, [margin + 1.5 for margin in margins], truth)
    assert table.lines[1].against is not None
    change = table.lines[1].against.forced
    assert change is not None
    assert change.auc is not None
    assert change.at_rate is not None
    assert change.auc.mean == pytest.approx(0, abs=1e-12)
    assert change.at_rate.mean == pytest.approx(0, abs=1e-9)
    assert change.brier.mean > 0
    assert change.log_score.mean > 0


@pytest.mark.slow
def test_better_seeing_shows(tmp_path: Path) -> None:
    (before, truth), (after, _) = signal(0.5, 1), signal(3, 2)
    table = both(tmp_path, before, after, truth)
    assert table.lines[1].against is not None
    change = table.lines[1].against.forced
    assert change is not None
    assert change.auc is not None
    assert change.at_rate is not None
    assert change.n == N
    assert max(change.holm, change.auc.p, change.at_rate.p, change.brier.p, change.log_score.p) < 0.001
    assert change.brier.mean < 0 < change.auc.mean
    assert "does not show" not in table.table()


@pytest.mark.slow
def test_tables_and_csv_have_the_same_values(tmp_path: Path) -> None:
    (before, truth), (after, _) = signal(0.5, 1), signal(3, 2)
    table = both(tmp_path, before, after, truth)
    printed = next(one for one in tables(table.table()) if "forced choice (%)" in one[0])
    rows = list(csv.DictReader(io.StringIO(table.table("csv"))))
    assert [row[0] for row in printed[1:]] == ["plain (base)", "pai"]
    for cells, row in zip(printed[1:], rows, strict=False):
        shown = dict(zip(printed[0], cells, strict=True))
        assert float(shown["forced choice (%)"]) == pytest.approx(100 * float(row["forced_score"]), abs=0.01)
        assert float(shown["AUC"]) == pytest.approx(float(row["forced_auc"]), abs=0.001)
    assert float(printed[2][printed[0].index("change")]) == pytest.approx(
        100 * float(rows[1]["forced_difference"]), abs=0.01
    )
    assert rows[0]["forced_difference"] == rows[0]["auc_change"] == ""
    assert "Forced choice" in table.table("latex")
    assert any(rule.startswith("forced_choice|") for rule in table.rules)


def test_a_run_without_values_says_so_in_one_line(tmp_path: Path) -> None:
    margins, truth = signal(1)
    said = [margin > 0 for margin in margins]
    table = both(tmp_path, margins, [None] * N, truth, (said, said))
    assert table.lines[1].against is not None
    assert table.lines[1].against.forced is None
    assert table.table().count("pai has no first-token values") == 1
    text = report(table.runs[1])
    assert text.count("no first-token values") == 1
    assert "| forced choice |" not in text
    assert "forced_choice|" not in text


def test_only_questions_with_values_in_both_runs_are_compared(tmp_path: Path) -> None:
    margins, truth = signal(1)
    fewer = [None if number < 100 else margin for number, margin in enumerate(margins)]
    said = [margin > 0 for margin in margins]
    table = both(tmp_path, margins, fewer, truth, (said, said))
    assert table.lines[1].against is not None
    assert table.lines[1].against.forced is not None
    assert table.lines[1].against.forced.n == N - 100


@pytest.mark.parametrize(
    ("margins", "truth"),
    [([1.0], [True]), ([1.0] * 8, [True] * 8), ([0.0] * 8, [True, False] * 4), ([-1.0, 1.0], [True, False])],
    ids=["one question", "one class", "all tied", "two questions"],
)
def test_ends(tmp_path: Path, margins: list[float], truth: list[bool]) -> None:
    table = both(tmp_path, margins, margins[::-1], truth)
    assert "nan" not in table.table()
    assert "nan" not in table.table("csv")
    assert "nan" not in report(table.runs[0])


def test_open_questions_have_no_forced_choice(tmp_path: Path) -> None:
    run = read_run(save(tmp_path, {"t": [opened("1", 0.5)]}))
    assert forced([run.tasks["t"]]) is None
    assert "first-token" not in report(run)


def test_damaged_values_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="q0"):
        preferring(tmp_path, [{"log_p": {"yes": -0.1, "no": -0.1}, "mass": 0.3}], [True])
