"""The journals of this machine: names and patterns, what each holds, and which are deleted."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from journals import held, record

from lmms_vg import journal
from lmms_vg.journal import Journal, JournalError
from lmms_vg.journal.folders import Contents, contents, delete, folders, last_written, size, written_before
from lmms_vg.journal.lines import encode

NAMES = ("huatuo_plain-1", "llava_pai-3", "llava_plain-2")


@pytest.fixture(autouse=True)
def root() -> Path:
    """Three journals, and a folder that is none."""
    for name in NAMES:
        with Journal(journal.home() / "journal" / name, provenance={"name": name}) as made:
            made.write([record("a")])
    (journal.home() / "journal" / "other").mkdir()
    return journal.home() / "journal"


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["*"], NAMES),
        (["llava_*"], NAMES[1:]),
        (["llava_plain-2", "llava_*", "huatuo_plain-1"], NAMES),
        (["llava_pai-3"], NAMES[1:2]),
    ],
)
def test_names_and_patterns(root: Path, names: list[str], chosen: tuple[str, ...]) -> None:
    assert folders(names) == [root / name for name in chosen]


def test_the_path_that_a_run_prints_is_a_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folders([str(root / NAMES[0])]) == [root / NAMES[0]]
    monkeypatch.chdir(root.parent)
    assert folders([f"journal/{NAMES[0]}", f"./journal/{NAMES[2]}/"]) == [root / NAMES[0], root / NAMES[2]]


@pytest.mark.parametrize("name", ["lava_plain-2", "other", "gemma_*", "/etc", "..", ".", "../journal", ""])
def test_a_name_of_no_journal_is_said(root: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f"{root} has no journal of that name; lmms-vg journal list"):
        folders(["llava_*", name])


def test_a_misspelt_name_is_suggested() -> None:
    with pytest.raises(ValueError, match=r"lava_plain-2: did you mean llava_plain-2\?"):
        folders(["lava_plain-2"])


def test_without_journals_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "empty"))
    assert folders() == []
    assert not (tmp_path / "empty").exists()


def test_answers_and_failures_are_counted_once(root: Path) -> None:
    folder = root / NAMES[0]
    failure = {"text": "", "error": "E: no", "error_code": "model"}
    with Journal(folder, rank=1, provenance={"name": "last"}) as made:
        made.write([record("f", **failure), record("g", **failure), record("g", **failure), record("a")])
        made.write([record("other key of f", uid="u/f")])
        assert made.find("a", "t2", "u2")
    with Journal(folder, rank=2):
        pass
    assert contents(folder) == Contents(answers=3, failures=1, provenance={"name": "last"})


@pytest.mark.parametrize(("first", "number"), [({"run": {}}, 1), ({"format": 99, "run": {}}, 99)])
def test_another_format_is_said(root: Path, first: dict[str, Any], number: int) -> None:
    (root / NAMES[0] / "rank0.jsonl").write_bytes(encode([first]))
    with pytest.raises(JournalError, match=f"its format is {number}"):
        contents(root / NAMES[0])


def test_size_and_last_written_are_those_of_the_files(root: Path) -> None:
    folder = root / NAMES[0]
    (folder / "lock").write_bytes(b"12345")
    assert size(folder) == (folder / "rank0.jsonl").stat().st_size + 5
    (folder / "rank1.jsonl").write_bytes(b"")
    then = time.time() - 10 * 86400
    for path in folder.glob("rank*"):
        os.utime(path, (then, then))
    assert last_written(folder).timestamp() == pytest.approx(then)
    assert [written_before(folder, days) for days in (9.9, 10.1)] == [True, False]
    os.utime(folder / "rank1.jsonl")
    assert not written_before(folder, 1), "one rank wrote later"


def test_a_deleted_journal_leaves_nothing(root: Path) -> None:
    assert delete(root / NAMES[0]) == ""
    assert sorted(path.name for path in root.iterdir()) == [*NAMES[1:], "other"]


def test_what_is_not_ours_is_kept_and_said(root: Path) -> None:
    (root / NAMES[0] / "notes.txt").write_text("mine")
    assert "notes.txt" in delete(root / NAMES[0])
    assert (root / NAMES[0] / "notes.txt").read_text() == "mine"
    assert folders() == [root / name for name in NAMES[1:]]


@pytest.mark.e2e
def test_a_journal_in_use_is_never_deleted(root: Path) -> None:
    folder = root / NAMES[0]
    before = (folder / "rank0.jsonl").read_bytes()
    with held(folder) as process:
        assert delete(folder).startswith(f"in use by process {process.pid} ")
        assert (folder / "rank0.jsonl").read_bytes() == before
    assert delete(folder) == ""
    assert not folder.exists()
