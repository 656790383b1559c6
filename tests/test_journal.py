"""The journal: what is found again, what is not, and what a killed process may leave behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from lmms_vg import journal
from lmms_vg.journal import Journal, Record, content_key, read_lines, read_records


def record(key: str, **values: Any) -> Record:
    return Record(**{"key": key, "task": "t", "uid": f"u/{key}", "text": f"says {key}", **values})


def find(made: Journal, key: str) -> Record | None:
    return made.find(key, "t", f"u/{key}")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    journal.forget()
    yield
    journal.forget()


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    heard: list[str] = []
    sink = logger.add(lambda message: heard.append(str(message)), level="WARNING", format="{message}")
    yield heard
    logger.remove(sink)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A journal folder with three answers, written one by one."""
    made = Journal(tmp_path)
    for key in "abc":
        made.write([record(key)])
    made.close()
    return tmp_path


PARTS: dict[str, Any] = {"prompt": "naïve\n<image>", "images": ["1", "2"], "mask": [[0, 1]], "repeat": 0}


def test_content_key_does_not_depend_on_the_order_of_the_parts() -> None:
    assert content_key(PARTS) == content_key(dict(reversed(PARTS.items())))
    assert len(content_key(PARTS)) == 32


@pytest.mark.parametrize(
    "change", [{"prompt": "naive\n<image>"}, {"images": ["2", "1"]}, {"mask": None}, {"repeat": 1}, {"seed": 0}]
)
def test_content_key_depends_on_every_part(change: dict[str, Any]) -> None:
    assert content_key(PARTS | change) != content_key(PARTS)


def test_home_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_HOME", "~/elsewhere")
    assert journal.home() == Path.home() / "elsewhere"
    monkeypatch.setenv("LMMS_VG_HOME", "")
    assert journal.home() == Path.home() / ".cache" / "lmms_vg"


def test_what_was_written_is_found_again_now_and_after_reopening(tmp_path: Path) -> None:
    full = record("k", text="żółw 肝", prompt="p", image="i", seconds=0.1, extras={"hidden_tokens": 3})
    first = Journal(tmp_path / "deep" / "er", provenance={"weights": "w"})
    assert find(first, "k") is None
    first.write([full])
    assert find(first, "k") == full
    first.close()
    assert find(Journal(tmp_path / "deep" / "er"), "k") == full
    assert lines(first.path)[0] == {"run": {"weights": "w"}}


def test_an_answer_is_in_the_file_before_the_journal_is_closed(tmp_path: Path) -> None:
    Journal(tmp_path).write([record("a")])
    assert [one["key"] for one in lines(tmp_path / "rank0.jsonl")[1:]] == ["a"]


def test_reopening_appends(filled: Path) -> None:
    before = (filled / "rank0.jsonl").read_bytes()
    again = Journal(filled)
    again.write([record("d")])
    assert (filled / "rank0.jsonl").read_bytes().startswith(before)
    assert [one.key for one in read_records([again.path])] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_torn_last_line_is_dropped_and_cut_off(filled: Path, cut: int, warnings: list[str]) -> None:
    path = filled / "rank0.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])  # the newline alone is enough: nobody knows whether the line is whole
    assert [one.key for one in read_records([path])] == ["a", "b"]
    again = Journal(filled)
    assert (find(again, "b"), find(again, "c")) == (record("b"), None)
    again.write([record("d")])
    assert [one.get("key", "run") for one in lines(path)] == ["run", "a", "b", "run", "d"]
    assert not warnings


def test_a_file_of_one_torn_line_starts_afresh(tmp_path: Path) -> None:
    (tmp_path / "rank0.jsonl").write_bytes(b'{"run": {"wei')
    assert lines(Journal(tmp_path, provenance={"x": 1}).path) == [{"run": {"x": 1}}]


@pytest.mark.parametrize(
    "damage", [b"{", b"\xff\xfe", b"\0" * 30, b'"text"', b'{"key": "b"}', b'{"key": "b", "new": 1}']
)
def test_a_damaged_line_is_skipped_with_a_warning(filled: Path, damage: bytes, warnings: list[str]) -> None:
    path = filled / "rank0.jsonl"
    header, a, _, c = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([header, a, damage, c, b""]))
    again = Journal(filled)
    assert [find(again, key) is not None for key in "abc"] == [True, False, True]
    assert len(warnings) == 1
    assert "rank0.jsonl" in warnings[0]


def test_a_line_that_is_only_a_number_is_skipped(filled: Path, warnings: list[str]) -> None:
    with (filled / "rank0.jsonl").open("ab") as file:
        file.write(b"17\n")
    assert find(Journal(filled), "c") == record("c")
    assert len(warnings) == 1


def test_the_warning_names_the_line(filled: Path, warnings: list[str]) -> None:
    path = filled / "rank0.jsonl"
    path.write_bytes(path.read_bytes().replace(b'{"key": "b"', b'{"key": b"'))
    assert len(list(read_lines(path))) == 3
    assert "line 3" in warnings[0]


def test_failures_are_kept_but_not_replayed(tmp_path: Path) -> None:
    made = Journal(tmp_path)
    made.write([record("bad", error="ValueError: no"), record("good")])
    assert find(made, "bad") is None
    again = Journal(tmp_path)
    assert find(again, "bad") is None
    assert find(again, "good") is not None
    assert [one.error for one in read_records([again.path])] == ["ValueError: no", None]


def test_a_failure_does_not_hide_an_answer(tmp_path: Path) -> None:
    made = Journal(tmp_path)
    made.write([record("k")])
    made.write([record("k", text="", error="E: later")])
    assert find(made, "k") == find(Journal(tmp_path), "k") == record("k")


def test_every_rank_reads_all_and_writes_its_own(filled: Path) -> None:
    second = Journal(filled, rank=1)
    assert find(second, "a") == record("a")
    second.write([record("z")])
    assert [one.key for one in read_records([filled / "rank1.jsonl"])] == ["z"]
    third = Journal(filled, rank=2)
    assert [find(third, key) is not None for key in "acz"] == [True] * 3
    assert "z" not in (filled / "rank0.jsonl").read_text()


def test_another_ranks_torn_line_is_left_alone(filled: Path) -> None:
    """It may be on its way from a live process."""
    path = filled / "rank0.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    torn = path.read_bytes()
    assert find(Journal(filled, rank=1), "c") is None
    assert path.read_bytes() == torn


def test_per_head_values_stay_in_the_file(tmp_path: Path) -> None:
    alignment = {"kl": [1.0, 2.0], "heads": {"kl": [[1.0, 2.0], [3.0, 4.0]]}}
    made = Journal(tmp_path)
    made.write([record("k", alignment=alignment)])
    journal.remember(record("k", alignment=alignment))
    seen = [find(made, "k"), find(Journal(tmp_path), "k"), journal.recall("t", "u/k")]
    assert [one and one.alignment for one in seen] == [{"kl": [1.0, 2.0]}] * 3
    assert lines(made.path)[1]["alignment"] == alignment


def test_a_batch_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Journal(tmp_path)
    writes: list[bytes] = []
    real = journal.os.write
    monkeypatch.setattr(journal.os, "write", lambda file, data: writes.append(bytes(data)) or real(file, data))
    made.write([record("a"), record("b")])
    assert len(writes) == 1
    assert writes[0].count(b"\n") == 2


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Journal(tmp_path)
    real = journal.os.write
    monkeypatch.setattr(journal.os, "write", lambda file, data: real(file, bytes(data)[:7]))
    made.write([record("a"), record("b")])
    assert [one.key for one in read_records([made.path])] == ["a", "b"]


def test_scoring_recalls_what_the_model_remembered() -> None:
    journal.remember(record("k"))
    assert journal.recall("t", "u/k") == record("k")
    assert journal.recall("t", "u/other") is None
    assert journal.recall("other", "u/k") is None
    journal.remember(record("k", text="again"))
    assert journal.recall("t", "u/k") == record("k", text="again")
    journal.forget()
    assert journal.recall("t", "u/k") is None


def test_one_answer_for_two_documents_gets_a_line_of_each_name(tmp_path: Path) -> None:
    """The same question about the same image in two tasks is asked once, and found under both names ever after."""
    made = Journal(tmp_path)
    made.write([record("k")])
    other = made.find("k", "t2", "u2")
    assert other is not None
    assert (other.task, other.uid, other.text) == ("t2", "u2", "says k")
    names = [(line["task"], line["uid"]) for line in lines(made.path) if "run" not in line]
    assert names == [("t", "u/k"), ("t2", "u2")]
    again = Journal(tmp_path)
    assert again.find("k", "t2", "u2") == other
    assert find(again, "k") == record("k")
    assert len([line for line in lines(made.path) if "run" not in line]) == 2, "nothing is written twice"


def test_a_signed_document_names_the_run_but_no_folder(tmp_path: Path) -> None:
    (tmp_path / "Huatuo-7B").mkdir()
    settings = {"pretrained": str(tmp_path / "Huatuo-7B"), "revision": None, "batch_size": 8, "device_map": "auto"}
    journal.sign("t", "u", {"weights": "w", "settings": settings})
    signed = journal.signed("t", "u")
    assert signed == {"weights": "w", "settings": settings | {"pretrained": "Huatuo-7B"}}
    assert settings["pretrained"] == str(tmp_path / "Huatuo-7B"), "the run itself keeps it"
    assert (journal.signed("t", "v"), journal.signed("v", "u")) == (None, None)
    journal.forget()
    assert journal.signed("t", "u") is None


@pytest.mark.parametrize(
    ("pretrained", "kept"),
    [
        ("demo", "demo"),
        ("FreedomIntelligence/HuatuoGPT", "FreedomIntelligence/HuatuoGPT"),
        ("/gone/models/A", "A"),
        ("models/here", "here"),
        ("models/../models/here/", "here"),
    ],
)
def test_names_of_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pretrained: str, kept: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "here").mkdir(parents=True)
    made = journal.without_folders({"settings": {"pretrained": pretrained}})
    assert made == {"settings": {"pretrained": kept}}


def test_a_journal_knows_what_it_is_of(tmp_path: Path) -> None:
    assert Journal(tmp_path, provenance={"weights": "w"}).provenance == {"weights": "w"}
