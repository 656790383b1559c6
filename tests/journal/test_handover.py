"""Records and provenance that scoring gets from a run."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journals import texts

from lmms_vg import journal
from lmms_vg.journal import JournalError, Record

RECORD = Record(key="k", task="t", uid="u/k", text="says k")


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    journal.forget()
    yield
    journal.forget()


def test_scoring_recalls_what_the_model_remembered() -> None:
    journal.remember(RECORD)
    assert journal.recall("t", "u/k") == RECORD
    assert journal.recall("t", "u/other") is None
    assert journal.recall("other", "u/k") is None
    again = RECORD.model_copy(update={"text": "again"})
    journal.remember(again)
    assert journal.recall("t", "u/k") == again
    journal.forget()
    assert journal.recall("t", "u/k") is None


@given(text=texts, uid=texts, numbers=st.lists(st.floats(allow_nan=False), max_size=5))
def test_what_is_recalled_equals_what_was_remembered(text: str, uid: str, numbers: list[float]) -> None:
    """Line breaks, NUL and halves of surrogate pairs included."""
    full = Record(key="k", task=text, uid=uid, text=text, extras={text: text}, alignment={"kl": numbers}, seconds=0.1)
    failed = full.model_copy(update={"task": text + "2", "error": text, "error_code": "image"})
    for one in (full, failed):
        journal.remember(one)
    assert (journal.recall(text, uid), journal.recall(text + "2", uid)) == (full, failed)


def test_what_is_remembered_leaves_no_file(tmp_path: Path) -> None:
    """Not even while the process runs, so that nothing is left of one that is killed."""
    journal.remember(RECORD)
    assert [path.name for path in journal.home().rglob("*")] == ["journal"]


def test_a_full_disk_is_said_and_costs_no_other_record(monkeypatch: pytest.MonkeyPatch) -> None:
    journal.remember(RECORD)
    real = os.write
    writes = iter([7, OSError(errno.ENOSPC, "No space left on device")])

    def write(file: int, data: bytes) -> int:
        match next(writes):
            case int(size):
                return real(file, bytes(data)[:size])
            case problem:
                raise problem

    with monkeypatch.context() as full:
        full.setattr(os, "write", write)
        with pytest.raises(JournalError, match=f"{journal.home() / 'journal'} cannot be written: No space left.*HOME="):
            journal.remember(RECORD.model_copy(update={"uid": "second"}))
    third = RECORD.model_copy(update={"uid": "third"})
    journal.remember(third)
    recalled = [journal.recall("t", uid) for uid in ("u/k", "second", "third")]
    assert recalled == [RECORD, None, third]


def test_a_record_that_cannot_be_read_back_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    journal.remember(RECORD)
    monkeypatch.setattr(os, "pread", lambda *_: b"damaged\n")
    with pytest.raises(JournalError, match=r"the record of t u/k cannot be read .*Run the same command again"):
        journal.recall("t", "u/k")


def test_scoring_and_forgetting_need_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers can be scored again where nothing can be written."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "file"))
    with journal.scoring(RECORD):
        assert journal.recall("t", "u/k") == RECORD
    assert journal.recall("t", "u/k") is None
    journal.forget()
    with pytest.raises(JournalError, match=f"{tmp_path / 'file' / 'journal'} cannot be written"):
        journal.remember(RECORD)


def test_other_records_are_scored_apart_from_the_runs_own() -> None:
    other = Record(key="o", task="other", uid="o")
    journal.remember(RECORD)
    journal.sign("t", "u", {"weights": "w"})
    with journal.scoring(other):
        assert journal.recall("other", "o") == other
        assert (journal.recall("t", "u/k"), journal.signed("t", "u")) == (None, None)
        journal.forget()
    with pytest.raises(ArithmeticError), journal.scoring(other):
        raise ArithmeticError
    assert journal.recall("t", "u/k") == RECORD
    assert journal.recall("other", "o") is None
    assert journal.signed("t", "u") == {"weights": "w"}


def test_records_of_a_run_are_seen_in_its_threads() -> None:
    journal.remember(RECORD)
    with ThreadPoolExecutor() as pool:
        assert pool.submit(journal.recall, "t", "u/k").result() == RECORD


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
