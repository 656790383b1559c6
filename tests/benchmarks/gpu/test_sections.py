"""A section is shown at once; a failure ends only itself; what has no time left is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.gpu.sections import Found, Sections


def test_every_section_is_shown_and_kept_when_it_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.json"
    sections = Sections(60, file)
    sections.run("First", lambda: Found("one", {"n": 1}))
    assert "## First\n\none\n" in capsys.readouterr().out
    kept = json.loads(file.read_text())
    assert (kept["First"]["state"], kept["First"]["n"]) == ("measured", 1)


def test_a_failure_ends_only_its_section(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> Found:
        raise MemoryError("CUDA out of memory\nand advice")

    sections = Sections(60)
    sections.run("Broken", fail)
    sections.run("Whole", lambda: Found("two"))
    shown = capsys.readouterr()
    assert "failed: MemoryError: CUDA out of memory\n" in shown.out
    assert "Traceback" in shown.err
    assert sections.done["Broken"]["reason"] == "MemoryError: CUDA out of memory"
    assert [section["state"] for section in sections.done.values()] == ["failed", "measured"]


def test_no_section_starts_when_the_time_is_used_up(capsys: pytest.CaptureFixture[str]) -> None:
    sections = Sections(0)
    sections.run("Late", lambda: pytest.fail("it was measured"))
    assert "left out: the 0 minutes are used up" in capsys.readouterr().out
    assert sections.done["Late"]["state"] == "left out"


def test_shares_of_the_time() -> None:
    sections = Sections(540)
    assert sections.until(0.5) - sections.started == pytest.approx(270)
