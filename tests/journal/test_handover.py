"""Records and provenance that scoring gets from a run."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lmms_vg import journal
from lmms_vg.journal import Record

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
