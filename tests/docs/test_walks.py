"""docs/walks.md shows what its commands print: they are typed again, as far as that is quick, and compared.

The two long walks are typed in part: the student's table is planned and not run, and the method author asks fewer questions.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import warm

from examples import walks
from lmms_vg.cli.main import main

PAGE = walks.PAGE.read_text(encoding="utf-8")
WALKS = walks.walks(PAGE)
_NUMBER = re.compile(r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?")

pytestmark = pytest.mark.timeout(900)


def agree(fresh: str, shown: str) -> None:
    """Assert that two outputs have the same words in the same lines, and numbers that differ by rounding only."""
    lines, others = fresh.splitlines(), shown.splitlines()
    assert [_NUMBER.sub("#", line) for line in lines] == [_NUMBER.sub("#", line) for line in others]
    for line, other in zip(lines, others, strict=True):
        numbers, theirs = ([float(part.replace(",", "")) for part in _NUMBER.findall(text)] for text in (line, other))
        assert numbers == pytest.approx(theirs, rel=0.02, abs=0.02), line


def typed(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints in this process; what stands behind a pipe is given it by a shell."""
    words = shlex.split(line)
    end = words.index("|") if "|" in words else len(words)
    capsys.readouterr()
    assert main(words[1:end]) == 0
    printed = capsys.readouterr().out
    if not words[end:]:
        return printed
    return subprocess.run(
        shlex.join(words[end + 1 :]), shell=True, input=printed, capture_output=True, text=True
    ).stdout


def again(step: walks.Step, capsys: pytest.CaptureFixture[str]) -> str:
    return walks.steady("".join(typed(line, capsys) for line in step.commands.splitlines()))


def rows() -> dict[str, list[str]]:
    """Heading -> cells of its row in the table."""
    found = re.findall(r"^\| \[(.+?)\]\(.+?\) \| (.*) \|$", PAGE, re.MULTILINE)
    return {heading: cells.split(" | ") for heading, cells in found}


def test_the_table_has_every_walk_with_its_number_of_commands() -> None:
    counted = {heading: sum(len(step.commands.splitlines()) for step in steps) for heading, steps in WALKS.items()}
    assert {heading: int(rows()[heading][1]) for heading in WALKS} == counted
    assert all(re.fullmatch(r"\d+ s|-", cells[-1]) for cells in rows().values())
    assert all(step.printed.strip() for steps in WALKS.values() for step in steps)


def test_what_was_printed_is_written_back_unchanged() -> None:
    for heading, steps in WALKS.items():
        same = walks.rewritten(PAGE, heading, [walks.steady(step.printed) for step in steps], 7)
        assert same.replace("| 7 s |", f"| {rows()[heading][-1]} |") == PAGE
    changed = walks.rewritten(PAGE, "Reviewer", ["new\n", "lines\n"], 61.2)
    assert [step.printed for step in walks.walks(changed)["Reviewer"]] == ["new\n", "lines\n"]
    assert "| 1 min | 61 s |" in changed


def test_what_differs_from_run_to_run_is_left_out() -> None:
    printed = "time 12 s, of it answering 3 s\nout/a/20261128_010203_results.json  \n\n"
    assert walks.steady(printed) == "time ...\nout/a/DATE_TIME_results.json\n"


def test_reviewer(demo_runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(demo_runs)
    monkeypatch.setenv("LMMS_VG_HOME", str(demo_runs / "home"))
    run, compared = WALKS["Reviewer"]
    agree(walks.steady((demo_runs / "printed.txt").read_text(encoding="utf-8")), run.printed)
    agree(again(compared, capsys), compared.printed)


def test_maintainer(
    demo_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    walks.prepare(tmp_path, None)
    shutil.copytree(demo_runs / "out", tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMMS_VG_HOME", str(demo_runs / "home"))
    (step,) = WALKS["Maintainer"]
    lines = step.commands.splitlines()
    printed = [typed(line, capsys) for line in lines[:2]]
    bundles = " ".join(str(path) for path in sorted(Path("submissions").glob("*/*.zip")))
    printed += [typed(line.replace("submissions/*/*.zip", bundles), capsys) for line in lines[2:]]
    agree(walks.steady("".join(printed)), step.printed)
    assert (tmp_path / "site" / "index.html").is_file()


def test_clinician_with_one_image(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    walks.prepare(tmp_path, shared_data)
    monkeypatch.chdir(tmp_path)
    (step,) = WALKS["Clinician, one image"]
    agree(again(step, capsys), step.printed)
    assert (tmp_path / "picture.png").is_file()


@pytest.mark.e2e
def test_clinician_with_thirty_questions(shared_data: Path, tmp_path: Path) -> None:
    walks.prepare(tmp_path, shared_data)
    run = walks.type_in(tmp_path, shared_data, warm.programs())
    for step in WALKS["Clinician, thirty questions"]:
        agree(run(step.commands), step.printed)


@pytest.mark.e2e
def test_method_author(shared_data: Path, tmp_path: Path) -> None:
    walks.prepare(tmp_path, shared_data)
    (command,) = re.findall(r"^lmms-vg run --method_file .*$", PAGE, re.MULTILINE)
    fresh = walks.type_in(tmp_path, shared_data, warm.programs())(f"{command} --limit 8")
    assert ["n", "plain", "sharpen"] in [line.split() for line in fresh.splitlines()]
    assert "asked 16, from journal 0, failed 0" in fresh


def test_student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The checkpoint loads as the page says, and the rows of its table are those of the plan."""
    walks.prepare(tmp_path, None)
    monkeypatch.chdir(tmp_path)
    (step,) = WALKS["Student"]
    models, reproduce, _ = step.commands.splitlines()
    assert step.printed.startswith(typed(models, capsys))
    plan = typed(f"{reproduce.partition(' >')[0]} --dry-run", capsys)
    planned = [
        line.split(" | ")[0] for line in plan.splitlines() if line.endswith(" | to run |") or "to run, after" in line
    ]
    cells = [line.split(" | ") for line in step.printed.splitlines() if line.startswith("| my_llava")]
    assert list(dict.fromkeys(row for row, *_ in cells)) == planned
    assert [column for _, column, *_ in cells] == ["VQA-RAD", "SLAKE", "PathVQA", "PMC-VQA", "Avg."] * len(planned)
