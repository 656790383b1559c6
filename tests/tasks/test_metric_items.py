"""What the count of a document adds to the samples file: time, partial data, and what was run."""

from __future__ import annotations

import pytest
from loguru import logger

from lmms_vg import journal
from lmms_vg._util.error_codes import Failure
from lmms_vg.datasets import counts
from lmms_vg.tasks import metric_items

DOC = {"task": "t", "uid": "u"}


@pytest.fixture(autouse=True)
def whole_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts that were wrong stay in the process."""
    monkeypatch.setattr(counts, "deviations", {})


def remember(**values: object) -> None:
    journal.remember(journal.Record(**{"key": "k", "task": "t", "uid": "u", "seconds": 0.25, **values}))  # type: ignore[arg-type]


def test_of_a_model_that_is_not_ours() -> None:
    assert metric_items.counted(DOC, 1) == {"answered": 1, "n": {"answered": 1}}


def test_time_of_an_answer() -> None:
    """This includes an answer that could not be scored: the model still took the time."""
    remember()
    assert metric_items.counted(DOC, 0) == {"answered": 0, "n": {"answered": 0, "seconds": 0.25}}


def test_batch_of_an_answer() -> None:
    remember(batch=4)
    assert metric_items.counted(DOC, 1)["n"] == {"answered": 1, "seconds": 0.25, "batch": 4}


def test_what_the_first_token_says_is_stated() -> None:
    first = journal.FirstToken(log_p={"yes": -0.6931, "no": -1.3863}, mass=0.75)
    journal.remember(journal.Record(key="k", task=DOC["task"], uid=DOC["uid"], seconds=0.25, first_token=first))
    stated = {"log_p": {"yes": -0.6931, "no": -1.3863}, "mass": 0.75}
    assert metric_items.counted(DOC, 1)["n"] == {"answered": 1, "seconds": 0.25, "first_token": stated}


def test_no_time_of_a_failure() -> None:
    remember(error="boom", error_code="image")
    reason = {"error": "boom", "error_code": "image", "task": "t", "uid": "u"}
    assert metric_items.failed(DOC, Failure("image", "boom"), "acc") == {
        "acc": reason,
        "answered": 0,
        "n": {"answered": 0, "failed": reason},
    }


def test_the_signed_document_alone_says_what_was_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "deviations", {"slake": "5 found"})
    journal.sign("t", "u", {"weights": "w"})
    assert metric_items.counted(DOC, 1)["n"] == {"answered": 1, "partial": True, "run": {"weights": "w"}}
    assert metric_items.counted(DOC | {"uid": "v"}, 1)["n"] == {"answered": 1, "partial": True}


def test_options_that_numbers_have_to_be_read_with_stand_beside_what_was_run() -> None:
    journal.sign("t", "u", {"weights": "w", "host_options": {"limit": 4}})
    assert metric_items.counted(DOC, 1)["n"] == {"answered": 1, "run": {"weights": "w"}, "host_options": {"limit": 4}}
    journal.sign("t", "u", {"weights": "w", "host_options": {}})
    assert metric_items.counted(DOC, 1)["n"] == {"answered": 1, "run": {"weights": "w"}}


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ("[LMMS_EVAL_REQUEST_FAILED after 5 retries] Error code: 400, no such model", True),
        ("[LMMS_EVAL_BUDGET_EXCEEDED]", True),
        ("", True),
        (" \n", True),
        ("no", False),
        ("[no]", False),
    ],
)
def test_a_failed_request_is_no_answer(text: str, failed: bool) -> None:
    reason = metric_items.model_failure(DOC, text)
    assert (reason and reason.code) == ("model" if failed else None)


@pytest.mark.parametrize("reason", [None, Failure("image", "boom")])
def test_a_record_of_ours_says_whether_it_is_an_answer(reason: Failure | None) -> None:
    """Then an empty text is an answer."""
    remember(**({} if reason is None else {"error": reason.error, "error_code": reason.code}))
    assert metric_items.model_failure(DOC, "") == reason


def test_what_failed_is_said_once_a_task() -> None:
    messages: list[str] = []
    sink = logger.add(
        lambda message: messages.append(str(message).strip()), level="WARNING", format="{level} {message}"
    )
    good, bad = metric_items.counted(DOC, 1)["n"], metric_items.failed(DOC, Failure("model", "boom"), "acc")["n"]
    try:
        assert [metric_items.n([good, good]), metric_items.n([good, bad, bad]), metric_items.n([bad, bad])] == [2, 1, 0]
    finally:
        logger.remove(sink)
    assert [line.split(". ")[0] for line in messages] == [
        "WARNING lmms_vg: t: 2 of 3 questions got no value, first u: boom",
        "ERROR lmms_vg: t: 2 of 2 questions got no value, first u: boom",
    ]
