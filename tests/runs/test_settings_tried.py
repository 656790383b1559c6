"""The winner of a sweep, compared alone, is corrected for the settings that it won against."""

from __future__ import annotations

from pathlib import Path

import pytest
from said import said_run
from saved_run import IDENTITY, spec

from lmms_vg.journal import Journal, Record, home
from lmms_vg.runs.compare import compare

TRUTH = [True, False] * 60
OTHER = [not yes if number < 30 else yes for number, yes in enumerate(TRUTH)]
SHARED = {"shared": ["plain", *(f"k={k}" for k in range(1, 17))]}


def test_what_was_run_together_counts(tmp_path: Path) -> None:
    runs = [
        said_run(tmp_path / "p", OTHER, TRUTH, each=1, identity=SHARED),
        said_run(tmp_path / "v", TRUTH, TRUTH, "vgrefine", each=1, identity=SHARED, k=5),
    ]
    comparison = compare(runs)
    against = comparison.lines[1].against
    assert against is not None
    assert comparison.family == 16
    assert against.holm == pytest.approx(16 * against.difference.p)
    assert "1 setting is compared of 16 that were asked these questions (16 were run together)" in comparison.table()


def record(task: str) -> Record:
    return Record(key="k", task=task, uid="q1", text="yes", error=None, error_code=None, extras={}, seconds=0.1)


def test_what_is_in_a_journal_counts_if_it_was_asked_these_questions(tmp_path: Path) -> None:
    for number, (task, name) in enumerate([("t", "vgrefine")] * 5 + [("u", "vgrefine"), ("t", "pai")]):
        provenance = IDENTITY | {"method": spec(name, k=number)}
        with Journal(home() / "journal" / f"huatuo_{name}-{number}", provenance=provenance) as journal:
            journal.write([record(task)])
    runs = [
        said_run(tmp_path / "p", OTHER, TRUTH, each=1),
        said_run(tmp_path / "v", TRUTH, TRUTH, "vgrefine", each=1, k=1),
    ]
    comparison = compare(runs)
    assert comparison.family == 5, "not the other task, and not the other method"
    assert "5 are in LMMS_VG_HOME/journal" in comparison.table()
    other = [
        said_run(tmp_path / f"{name}2", said, TRUTH, name, each=1, identity={"weights": "other"})
        for name, said in (("plain", OTHER), ("vgrefine", TRUTH))
    ]
    assert compare(other).family == 1, "not other weights"
