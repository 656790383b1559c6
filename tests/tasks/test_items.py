"""What the count of a document carries into the samples file: time, partial data, and what was run."""

import pytest

from lmms_vg import journal
from lmms_vg.datasets import counts
from lmms_vg.tasks import items

DOC = {"task": "t", "uid": "u"}


@pytest.fixture(autouse=True)
def whole_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts that were off stay in the process."""
    monkeypatch.setattr(counts, "deviations", {})


def remember(**values: object) -> None:
    journal.remember(journal.Record(**{"key": "k", "task": "t", "uid": "u", "seconds": 0.25, **values}))  # type: ignore[arg-type]


def test_of_a_model_that_is_not_ours() -> None:
    assert items.counted(DOC, 1) == {"answered": 1, "n": {"answered": 1}}


def test_time_of_an_answer() -> None:
    """Also of one that could not be scored: the model took its time."""
    remember()
    assert items.counted(DOC, 0) == {"answered": 0, "n": {"answered": 0, "seconds": 0.25}}


def test_no_time_of_a_failure() -> None:
    remember(error="boom")
    assert items.failed(DOC, "boom", "acc")["n"] == {"answered": 0}


def test_the_signed_document_alone_says_what_was_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "deviations", {"slake": "5 found"})
    journal.sign("t", "u", {"weights": "w"})
    assert items.counted(DOC, 1)["n"] == {"answered": 1, "partial": True, "run": {"weights": "w"}}
    assert items.counted(DOC | {"uid": "v"}, 1)["n"] == {"answered": 1, "partial": True}
