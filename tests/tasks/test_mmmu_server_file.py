"""The file for MMMU's server: its content, its place, and what is left out."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from lmms_vg import journal
from lmms_vg.tasks import mmmu_server_file


def item(uid: str, text: str, options: list[str] | None = None) -> dict[str, Any]:
    doc = {"task": "mmmu_med_test", "uid": f"mmmu/{uid}", "answer": "?", "options": options or []}
    return mmmu_server_file.results(doc, [text])


@pytest.fixture(autouse=True)
def three_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = mmmu_server_file.TASKS["mmmu_med_test"]._replace(n=3)
    monkeypatch.setitem(mmmu_server_file.TASKS, "mmmu_med_test", reader)


@pytest.mark.parametrize("answers", [2, 4])
def test_what_is_not_whole_is_no_submission(tmp_path: Path, answers: int) -> None:
    lines: list[str] = []
    handler = mmmu_server_file.logger.add(lambda line: lines.append(str(line)), level="WARNING", format="{message}")
    results = [item(str(number), "x")["submission"] for number in range(answers)]
    assert mmmu_server_file.write(results, Namespace(output_path=str(tmp_path), model="m")) == answers
    mmmu_server_file.logger.remove(handler)
    (path,) = (tmp_path / "submissions").iterdir()
    assert path.name.startswith("partial_mmmu_med_test_m_")
    assert f"{answers} answers of 3 questions: not to be submitted" in lines[0]


def test_letters_texts_and_what_cannot_be_read(tmp_path: Path) -> None:
    journal.remember(journal.Record(key="k", task="mmmu_med_test", uid="mmmu/test_4", error="boom", error_code="model"))
    options = ["CT", "MRI"]
    results = [
        item("test_1", "The answer is B.", options),
        item("test_2", " 37 mg "),
        item("test_3", "A or B", options),
        item("test_4", "A", options),
    ]
    written = mmmu_server_file.write(
        [result["submission"] for result in results], Namespace(output_path=str(tmp_path), model="m")
    )
    (path,) = (tmp_path / "submissions").iterdir()
    assert path.name.startswith("mmmu_med_test_m_")
    assert written == len(json.loads(path.read_text())) == 3
    assert json.loads(path.read_text()) == {"test_1": "B", "test_2": "37 mg", "test_3": ""}
    assert [result["unparseable"].get("unparseable") for result in results] == [False, False, True, None]
    assert [result["answered"] for result in results] == [1, 1, 1, 0]


def test_without_an_output_path_it_lies_where_the_run_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mmmu_server_file.write([item("a", "x")["submission"]]) == 1
    assert len(list((tmp_path / "submissions").iterdir())) == 1


def test_with_nothing_to_submit_there_is_no_file(tmp_path: Path) -> None:
    journal.remember(journal.Record(key="k", task="mmmu_med_test", uid="mmmu/a", error="boom", error_code="model"))
    out = Namespace(output_path=str(tmp_path / "out"), model="m")
    assert mmmu_server_file.write([item("a", "x")["submission"]], out) is None
    assert not (tmp_path / "out").exists()


def test_where_nothing_can_be_written_the_other_numbers_stand(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    options = Namespace(output_path=str(tmp_path / "file"), model="m")
    assert mmmu_server_file.write([item("a", "x")["submission"]], options) is None
