"""A journal of own questions is read like one of a benchmark, with patients; without its file it says how to name it."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_files import IMAGE, write
from saved_run import IDENTITY, spec

from lmms_vg.datasets.own_images import OWN_ENV
from lmms_vg.journal import Journal, Record
from lmms_vg.journal.decoding import Decoding
from lmms_vg.runs.compare import compare
from lmms_vg.runs.journal_run import read_journal
from lmms_vg.runs.report import report
from lmms_vg.tasks import yaml_files

CLOSED, CHOICE = "own_mine_closed", "own_mine_choice"


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """24 yes/no questions about 12 patients, and one with letters."""
    rows = [
        {"image": IMAGE, "question": f"Is it {number}?", "answer": "yes", "patient": f"P{number // 2}"}
        for number in range(24)
    ]
    choice = {"image": IMAGE, "question": "What is it?", "answer": "a", "options": ["CT", "MRI"], "patient": "P0"}
    path = write(tmp_path / "data", *rows, choice)
    monkeypatch.setenv(OWN_ENV, str(path))
    return path


def journalled(folder: Path, right: int, method: str) -> Path:
    """A journal with answers to all questions, of which the first are right."""
    records = []
    for line in range(1, 26):
        task = CHOICE if line == 25 else CLOSED
        config = yaml_files.definition(task)
        penalise = config.get("metadata", {}).get("penalise_prompt", True)
        records.append(
            Record(
                key=f"{task} {line}",
                task=task,
                uid=f"mine.jsonl/{line}",
                text="A" if task == CHOICE else "yes" if line <= right else "no",
                seconds=0.5,
                decoding=Decoding.from_lmms_eval(config["generation_kwargs"], penalise).as_key(),
            )
        )
    with Journal(folder, 0, IDENTITY | {"method": spec(method)}) as journal:
        journal.write(records)
    return folder


@pytest.mark.slow
@pytest.mark.usefixtures("mine")
def test_own_questions_are_reported_and_compared_by_patient(tmp_path: Path) -> None:
    runs = [read_journal(journalled(tmp_path / name, right, name)) for name, right in (("plain", 0), ("vgrefine", 22))]
    assert {name: len(task.scores) for name, task in runs[0].tasks.items()} == {CLOSED: 24, CHOICE: 1}
    assert not runs[0].left_out
    text = report(runs[1])
    assert f"| {CLOSED} | acc | 24 | 0 | 0.000 | 0.9167 |" in text
    assert set(runs[0].groups) == {"own", "own_mine"}, "no benchmark has own questions in its average"
    line = next(line for line in compare(runs, unit="patient").lines if line.against and line.name == CLOSED)
    assert line.against is not None
    assert (line.against.difference.images, line.against.difference.p) == (11, 2 / 2**11)


@pytest.mark.usefixtures("mine")
def test_without_its_file_the_next_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = journalled(tmp_path / "plain", 3, "plain")
    monkeypatch.delenv(OWN_ENV)
    with pytest.raises(ValueError, match=rf"{OWN_ENV}=FILE.jsonl lmms-vg report"):
        read_journal(folder)
