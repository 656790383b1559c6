"""Questions that a comparison leaves out, or counts twice, are said."""

from __future__ import annotations

from pathlib import Path

import pytest
from saved_run import closed, failed, save

from lmms_vg.runs.compare import compare
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run


def run(folder: Path, lines: list, **more: list) -> Run:
    groups = {"g": ["t", *more]} if more else None
    return read_run(save(folder, {"t": lines} | more, groups=groups, model=f"m_{folder.name}"))


def test_failures_in_all_runs_are_counted(tmp_path: Path) -> None:
    lines = [closed(f"q{i}", 1) for i in range(200)] + [failed(f"f{i}") for i in range(200)]
    notes = compare([run(tmp_path / "a", lines), run(tmp_path / "b", lines)]).notes
    assert any(
        note.startswith("t: 200 of 400 questions failed in all runs") and "50.0 points" in note for note in notes
    )
    assert not any("failed" in note for note in compare([run(tmp_path / "c", lines[:200])]).notes)


def test_all_failed(tmp_path: Path) -> None:
    runs = [run(tmp_path / name, [failed("q1")]) for name in ("a", "b")]
    with pytest.raises(ValueError, match="no question has a score"):
        compare(runs)


def test_questions_in_two_tasks_are_named(tmp_path: Path) -> None:
    lines = [closed(f"set/{i}", 1, f"i{i}") for i in range(20)]
    notes = compare([run(tmp_path / "a", lines, part=lines[:5])]).notes
    assert "g: 5 questions stand in both t and part and count twice" in notes
    other = [closed(f"set/{i}", 1, f"elsewhere{i}") for i in range(20)]
    assert not any("count twice" in note for note in compare([run(tmp_path / "b", lines, part=other)]).notes)
