"""The journal: which answers are found again, and what a killed process may leave behind."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from journals import Opened, find, record

from lmms_vg import journal
from lmms_vg.journal import Journal, JournalError, read_lines, read_records
from lmms_vg.journal.lines import FORMAT


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the entries without their checksums."""
    entries = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [{name: value for name, value in entry.items() if name != "sha256"} for entry in entries]


def test_home_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_HOME", "~/elsewhere")
    assert journal.home() == Path.home() / "elsewhere"
    monkeypatch.setenv("LMMS_VG_HOME", "")
    assert journal.home() == Path.home() / ".cache" / "lmms_vg"


def test_what_was_written_is_found_again_now_and_after_reopening(opened: Opened, tmp_path: Path) -> None:
    full = record("k", text="żółw 肝", prompt="p", image="i", seconds=0.1, extras={"hidden_tokens": 3})
    first = opened(tmp_path / "deep" / "er", provenance={"weights": "w"})
    assert find(first, "k") is None
    first.write([full])
    assert find(first, "k") == full
    first.close()
    assert find(opened(tmp_path / "deep" / "er"), "k") == full
    assert lines(first.path)[0] == {"format": FORMAT, "run": {"weights": "w"}}


def test_an_answer_is_in_the_file_before_the_journal_is_closed(opened: Opened, tmp_path: Path) -> None:
    opened(tmp_path).write([record("a")])
    assert [one["key"] for one in lines(tmp_path / "rank0.jsonl")[1:]] == ["a"]


def test_reopening_appends(opened: Opened, filled: Path) -> None:
    before = (filled / "rank0.jsonl").read_bytes()
    again = opened(filled)
    again.write([record("d")])
    assert (filled / "rank0.jsonl").read_bytes().startswith(before)
    assert [one.key for one in read_records([again.path])] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_torn_last_line_is_dropped_and_cut_off(opened: Opened, filled: Path, cut: int, warnings: list[str]) -> None:
    path = filled / "rank0.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])  # the newline alone is enough: nobody knows whether the line is whole
    assert [one.key for one in read_records([path])] == ["a", "b"]
    again = opened(filled)
    assert (find(again, "b"), find(again, "c")) == (record("b"), None)
    again.write([record("d")])
    assert [one.get("key", "run") for one in lines(path)] == ["run", "a", "b", "run", "d"]
    assert not warnings


def test_a_file_of_one_torn_line_starts_afresh(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "rank0.jsonl").write_bytes(b'{"run": {"wei')
    assert lines(opened(tmp_path, provenance={"x": 1}).path) == [{"format": FORMAT, "run": {"x": 1}}]


@pytest.mark.parametrize(
    "damage", [b"{", b"\xff\xfe", b"\0" * 30, b'"text"', b'{"key": "b"}', b'{"key": "b", "new": 1}']
)
def test_a_damaged_line_is_skipped_with_a_warning(
    opened: Opened, filled: Path, damage: bytes, warnings: list[str]
) -> None:
    path = filled / "rank0.jsonl"
    header, a, _, c = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([header, a, damage, c, b""]))
    again = opened(filled)
    assert [find(again, key) is not None for key in "abc"] == [True, False, True]
    assert len(warnings) == 1
    assert "rank0.jsonl" in warnings[0]


def test_a_line_that_is_only_a_number_is_skipped(opened: Opened, filled: Path, warnings: list[str]) -> None:
    with (filled / "rank0.jsonl").open("ab") as file:
        file.write(b"17\n")
    assert find(opened(filled), "c") == record("c")
    assert len(warnings) == 1


def test_the_warning_names_the_line(filled: Path, warnings: list[str]) -> None:
    path = filled / "rank0.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"key": "b"', b'"key": b"'))
    assert len(list(read_lines(path))) == 3
    assert "line 3" in warnings[0]


def test_failures_are_kept_but_not_replayed(opened: Opened, tmp_path: Path) -> None:
    made = opened(tmp_path)
    made.write([record("bad", error="ValueError: no", error_code="model"), record("good")])
    assert find(made, "bad") is None
    again = opened(tmp_path)
    assert find(again, "bad") is None
    assert find(again, "good") is not None
    assert [one.failure for one in read_records([again.path])] == [("model", "ValueError: no"), None]


def test_a_failure_does_not_hide_an_answer(opened: Opened, tmp_path: Path) -> None:
    made = opened(tmp_path)
    made.write([record("k")])
    made.write([record("k", text="", error="E: later", error_code="model")])
    assert find(made, "k") == find(opened(tmp_path), "k") == record("k")


def test_every_rank_reads_all_and_writes_its_own(opened: Opened, filled: Path) -> None:
    second = opened(filled, rank=1)
    assert find(second, "a") == record("a")
    second.write([record("z")])
    assert [one.key for one in read_records([filled / "rank1.jsonl"])] == ["z"]
    third = opened(filled, rank=2)
    assert [find(third, key) is not None for key in "acz"] == [True] * 3
    assert "z" not in (filled / "rank0.jsonl").read_text()


def test_another_ranks_torn_line_is_left_alone(opened: Opened, filled: Path) -> None:
    """A live process may still be writing it."""
    path = filled / "rank0.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    torn = path.read_bytes()
    assert find(opened(filled, rank=1), "c") is None
    assert path.read_bytes() == torn


def test_per_head_values_stay_in_the_file(opened: Opened, tmp_path: Path) -> None:
    alignment = {"kl": [1.0, 2.0], "heads": {"kl": [[1.0, 2.0], [3.0, 4.0]]}}
    made = opened(tmp_path)
    made.write([record("k", alignment=alignment)])
    journal.remember(record("k", alignment=alignment))
    seen = [find(made, "k"), find(opened(tmp_path), "k"), journal.recall("t", "u/k")]
    assert [one and one.alignment for one in seen] == [{"kl": [1.0, 2.0]}] * 3
    assert lines(made.path)[1]["alignment"] == alignment


def test_a_batch_is_one_write(opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = opened(tmp_path)
    writes: list[bytes] = []
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: writes.append(bytes(data)) or real(file, data))
    made.write([record("a"), record("b")])
    assert len(writes) == 1
    assert writes[0].count(b"\n") == 2


def test_a_short_write_is_continued(opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = opened(tmp_path)
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, bytes(data)[:7]))
    made.write([record("a"), record("b")])
    assert [one.key for one in read_records([made.path])] == ["a", "b"]


def test_one_answer_for_two_documents_gets_a_line_of_each_name(opened: Opened, tmp_path: Path) -> None:
    """The same question about the same image in two tasks is asked once and is then found under both names."""
    made = opened(tmp_path)
    made.write([record("k")])
    other = made.find("k", "t2", "u2")
    assert other is not None
    assert (other.task, other.uid, other.text) == ("t2", "u2", "says k")
    names = [(line["task"], line["uid"]) for line in lines(made.path) if "run" not in line]
    assert names == [("t", "u/k"), ("t2", "u2")]
    again = opened(tmp_path)
    assert again.find("k", "t2", "u2") == other
    assert find(again, "k") == record("k")
    assert len([line for line in lines(made.path) if "run" not in line]) == 2, "nothing is written twice"


def test_a_journal_knows_what_it_is_of(opened: Opened, tmp_path: Path) -> None:
    assert opened(tmp_path, provenance={"weights": "w"}).provenance == {"weights": "w"}


# --- a disk that is full, a folder that cannot be written -----------------------------------------------------------------


def full_after(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """From now on the disk accepts only this many bytes."""
    left, real = [size], os.write

    def write(file: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = real(file, bytes(data[: left[0]]))
        left[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", write)


@pytest.mark.parametrize("fits", [0, 1, 150, 400])
def test_a_full_disk_leaves_whole_batches(
    opened: Opened, filled: Path, monkeypatch: pytest.MonkeyPatch, fits: int
) -> None:
    """Nothing is kept even if one and a half of three lines fit, and the next entry starts on a new line."""
    made = opened(filled)
    before = made.path.read_bytes()
    with monkeypatch.context() as full:
        full_after(full, fits)
        with pytest.raises(JournalError) as refused:
            made.write([record("d"), record("e"), record("f")])
    assert all(part in str(refused.value) for part in (str(filled), "No space left", "LMMS_VG_HOME="))
    assert made.path.read_bytes() == before
    assert find(made, "d") is None
    made.write([record("g")])
    assert [one.key for one in read_records([made.path])] == ["a", "b", "c", "g"]


def test_a_device_that_is_really_full(tmp_path: Path) -> None:
    """/dev/full replaces the open file only for writing, because reading it would never end."""
    full = os.open("/dev/full", os.O_WRONLY)
    with Journal(tmp_path) as made:
        os.dup2(full, made._file or -1)
        with pytest.raises(JournalError, match="No space left on device"):
            made.write([record("a")])
    os.close(full)


@pytest.mark.parametrize("file", ["home", "home/journal"])
def test_a_home_that_cannot_be_written_is_found_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """A file has the name of the folder."""
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("")
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "home"))
    with pytest.raises(JournalError, match=f"{tmp_path / 'home' / 'journal'} cannot be written.*LMMS_VG_HOME="):
        journal.check_home()


def test_checking_the_home_leaves_nothing_in_it() -> None:
    journal.check_home()
    assert [path.name for path in journal.home().rglob("*")] == ["journal"]


def test_reading_changes_nothing(filled: Path) -> None:
    """A live process may still be writing the last line, and a reader has no lock."""
    path = filled / "rank0.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    before = path.read_bytes()
    assert [one.key for one in read_records([path])] == ["a", "b"]
    assert [(one.name, one.read_bytes()) for one in filled.iterdir()] == [("rank0.jsonl", before)]
