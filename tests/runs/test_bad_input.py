"""Runs that leave hardly anything to compare: report and comparison say so, show the rest, and print no number that is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from said import said_run
from saved_run import IDENTITY, closed, failed, save, spec, tables

from lmms_vg.runs.compare import compare
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.report import report
from lmms_vg.runs.results import Run

Pair = list[Run]
NO_VALUES = "no first-token values"


def never_yes_or_no(folder: Path) -> Pair:
    truth = [True, False] * 40
    return [said_run(folder / name, [None] * 80, truth, name) for name in ("plain", "pai")]


def one_class(folder: Path) -> Pair:
    said = {"plain": [True, False] * 40, "pai": [True] * 80}
    return [said_run(folder / name, yes, [True] * 80, name, 1) for name, yes in said.items()]


def single_image(folder: Path) -> Pair:
    said = {"plain": [True, False] * 10, "pai": [True] * 20}
    return [said_run(folder / name, yes, [True, False] * 10, name, 20) for name, yes in said.items()]


def all_equal(folder: Path) -> Pair:
    return [said_run(folder / name, [True, False] * 40, [True, True] * 40, name) for name in ("plain", "pai")]


def one_question(folder: Path) -> Pair:
    return [said_run(folder / name, [yes], [True], name) for name, yes in (("plain", False), ("pai", True))]


def failed_but_one(folder: Path) -> Pair:
    lines = [closed("q0", 1) | {"target": "Yes"}, *(failed(f"f{number}") for number in range(9))]
    identities = {name: IDENTITY | {"method": spec(name)} for name in ("plain", "pai")}
    return [read_run(save(folder / name, {"t": lines}, run=run)) for name, run in identities.items()]


CASES = {
    never_yes_or_no: {"unreadable": "1.000", "yes-rate": "", "d'": ""},
    one_class: {"unreadable": "0.000", "balanced accuracy": "one class", "d'": "one class"},
    single_image: {"p": "1.0000", "95% interval": "too few images", "equal within 1": "cannot tell"},
    all_equal: {"difference": "+0.00", "p": "1.0000", "equal within 1": "cannot tell"},
    one_question: {"difference": "+100.00", "p": "1.0000", "equal within 1": "cannot tell"},
    failed_but_one: {"difference": "+0.00", "p": "1.0000", "equal within 1": "cannot tell"},
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_what_can_be_said_is_said_and_nothing_else(case: Callable[[Path], Pair], tmp_path: Path) -> None:
    comparison = compare(case(tmp_path))
    text = comparison.table()
    cells: dict[str, str] = {}
    for head, *rows in tables(text)[1:]:
        cells |= dict(zip(head, rows[-1], strict=True))
    assert {name: cells[name] for name in CASES[case]} == CASES[case]
    sources = {line.against.source for line in comparison.tested if line.against}
    assert sources <= {None, "cannot tell"}, "no difference is explained that these runs cannot explain"
    whole = [text, *(comparison.table(kind) for kind in ("csv", "latex")), *map(report, comparison.runs)]
    assert not any(re.search(r"\bnan\b", one) for one in whole)
    assert text.count(NO_VALUES) == 2, "once for each run"
    assert all(one.count(NO_VALUES) == 1 for one in whole[3:])


def test_failures_stand_beside_what_is_left(tmp_path: Path) -> None:
    comparison = compare(failed_but_one(tmp_path))
    for text in (comparison.table(), report(comparison.runs[0])):
        assert "9 of 10 questions failed" in text
        assert "up to 90.0 points elsewhere" in text


def test_a_run_of_which_all_failed_has_a_report_and_no_score(tmp_path: Path) -> None:
    run = read_run(save(tmp_path, {"t": [failed(f"q{number}") for number in range(5)]}))
    text = report(run)
    assert "5 of 5 questions failed" in text
    ((head, row), *_) = tables(text)
    shown = dict(zip(head, row, strict=True))
    assert (shown["n"], shown["failed"], shown["score (micro)"]) == ("0", "5", "")
