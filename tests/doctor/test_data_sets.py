"""Data sets: a missing one is a note, a wrong one is a problem, and no network is used."""

from __future__ import annotations

from pathlib import Path

import pytest
import raw
from huggingface_hub import constants

from lmms_vg.doctor.check_result import CheckResult
from lmms_vg.doctor.data_sets import data_sets
from lmms_vg.tasks.registry import TASKS

SETS = ["vgmed", "coco", "vqa_rad", "slake", "path_vqa", "pmc_vqa", "omnimedvqa", "mmmu", "medical_eval"]


def found() -> dict[str, CheckResult]:
    """Data set -> finding; the first finding is about their folder."""
    return {finding.text.split()[0].rstrip(":"): finding for finding in list(data_sets())[1:]}


def test_where_they_are(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert next(data_sets()) == ("ok", f"LMMS_VG_DATA={data}", "")
    monkeypatch.setenv("LMMS_VG_DATA", str(data / "elsewhere"))
    nowhere = next(data_sets())
    assert (nowhere.mark, nowhere.text) == ("note", f"LMMS_VG_DATA={data / 'elsewhere'} (no such folder)")
    assert nowhere.remedy.startswith("export LMMS_VG_DATA=")
    monkeypatch.delenv("LMMS_VG_DATA")
    unset = next(data_sets())
    assert (unset.mark, unset.text) == ("note", "LMMS_VG_DATA is not set; looking in the hub's cache only")


@pytest.mark.parametrize("set_up", [True, False])
def test_missing_is_a_note_with_the_command(set_up: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if set_up:
        monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "data"))
    findings = found()
    assert list(findings) == SETS
    assert {finding.mark for finding in findings.values()} == {"note"}
    used_by = "(used by: slake slake_grounded slake_grounded_test slake_test vg_slake)"
    text = f"slake is not here; get it with: lmms-vg data fetch slake {used_by}"
    assert findings["slake"].text == text
    assert not (tmp_path / "data").exists()


def test_offline_the_command_lifts_the_switch(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert found()["slake"].text.startswith(
        "slake is not here; get it with: HF_HUB_OFFLINE=0 lmms-vg data fetch slake ("
    )


def test_a_wrong_count_is_a_problem(data: Path) -> None:
    raw.slake(data)
    findings = found()
    slake = findings.pop("slake")
    assert slake.mark == "PROBLEM"
    assert slake.text.startswith("slake: slake_closed: WRONG, slake closed/train: 1 questions found, 1943 expected; ")
    assert slake.text.endswith(" (and 7 more, see lmms-vg data status)")
    assert slake.remedy == f'mv "{data}/slake" "{data}/slake.wrong" && lmms-vg data fetch slake'
    assert {finding.mark for finding in findings.values()} == {"note"}, "the others are missing, and were looked at"


def test_a_file_that_cannot_be_read_is_a_problem(data: Path) -> None:
    raw.put(data / "path_vqa" / "data" / "test-0.parquet", b"no parquet")
    assert found()["path_vqa"].mark == "PROBLEM"


def test_a_reader_that_crashes_is_a_problem_of_its_set(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other data set is a problem, and those after it are examined."""

    def crash() -> list[object]:
        raise KeyError("question")

    raw.slake(data)
    for task in ("slake_closed", "slake_test_closed", "slake_open", "slake_test_open"):
        monkeypatch.setitem(TASKS, task, TASKS[task]._replace(load=crash))  # type: ignore[arg-type]
    findings = found()
    assert list(findings) == SETS
    assert findings["slake"].mark == "PROBLEM"
    assert findings["slake"].text.startswith("slake: slake_closed: WRONG, KeyError: 'question'")
    assert "data fetch slake" in findings["slake"].remedy


def small_slake(monkeypatch: pytest.MonkeyPatch, data: Path, n: dict[str, int]) -> None:
    """SLAKE with these numbers of questions instead of its own."""
    raw.slake(data)
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    for name, number in n.items():
        monkeypatch.setitem(TASKS, name, TASKS[name]._replace(n=number))


def test_part_of_the_files(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SLAKE's questions without its images: these are missing, not wrong."""
    small_slake(monkeypatch, data, {})
    (data / "slake" / "imgs.zip").unlink()
    slake = found()["slake"]
    assert slake.mark == "note"
    assert (
        slake.text
        == "slake is here without imgs.zip (used by: slake slake_grounded slake_grounded_test slake_test vg_slake)"
    )
    assert slake.remedy == "lmms-vg data fetch slake"


def test_complete_sets_are_counted(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_slake(monkeypatch, data, {"slake_closed": 3, "slake_open": 3, "slake_test_closed": 1, "slake_test_open": 1})
    raw.put(data / "coco" / "val2014.zip", b"")
    findings = found()
    numbers = {"slake_closed": 3, "slake_test_closed": 1, "slake_open": 3, "slake_test_open": 1}
    text = f"slake: {'; '.join(f'{task}: {n} questions of {n} expected' for task, n in numbers.items())}"
    grounded = {"slake_grounded_closed": 3, "slake_grounded_test_closed": 1}
    grounded |= {"slake_grounded_open": 3, "slake_grounded_test_open": 1}
    text += "".join(f"; {task}: {n} questions" for task, n in grounded.items())
    assert findings["slake"] == ("ok", text, "")
    assert findings["coco"] == ("ok", "coco: here", ""), "it has no questions"


def test_partial_data_do_not_count(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_slake(monkeypatch, data, {"slake_closed": 3})
    slake = found()["slake"]
    assert slake.mark == "note"
    assert "slake_test_closed: 1 questions of 416 expected: PARTIAL; " in slake.text
    assert slake.text.endswith("; results on it do not count")
    assert slake.remedy.endswith("lmms-vg data fetch slake")


def test_wrong_data_in_the_cache_of_the_hub(tmp_path: Path) -> None:
    """Files of the hub's cache must not be moved by hand."""
    repository = tmp_path / "hub" / "datasets--BoKelvin--SLAKE"
    commit = "0123456789abcdef0123456789abcdef01234567"
    raw.slake(tmp_path / "made")
    (repository / "snapshots").mkdir(parents=True)
    (tmp_path / "made" / "slake").rename(repository / "snapshots" / commit)
    raw.put(repository / "refs" / "main", commit.encode())
    slake = found()["slake"]
    assert slake.mark == "PROBLEM"
    assert slake.remedy == "hf download BoKelvin/SLAKE --repo-type dataset --force-download"
