"""Questions that wait for a batch."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
from asking import GOOD, question
from checkpoints import load

from lmms_vg._util.error_codes import Failure
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.pending import BatchQueue, Forms, Pending
from lmms_vg.inference.question import Prepared
from lmms_vg.journal import Journal
from lmms_vg.methods.oracle_mask import OracleMask
from lmms_vg.methods.plain import Plain
from lmms_vg.models import Family

BOX = [[5, 5, 30, 30]]


@pytest.fixture(scope="module")
def family() -> Family:
    return load("huatuo", "demo")


def test_a_message_is_opened_once_for_both_forms(family: Family) -> None:
    opened: list[int] = []
    forms = Forms(family, question("q", lambda: opened.append(1) or tiny.picture(1), GOOD, boxes=BOX), ("last",))
    plain, oracle, again = (forms.of(method) for method in (Plain(), OracleMask((2,)), Plain()))
    assert isinstance(plain, Prepared)
    assert isinstance(oracle, Prepared)
    assert plain is again
    assert (plain.masks is None, oracle.masks is None) == (True, False)
    assert plain.prompt is oracle.prompt
    assert opened == [1]


def test_what_cannot_be_asked_says_why(family: Family) -> None:
    broken = Forms(family, question("q", lambda: 1 / 0, GOOD, boxes=BOX), ("last",)).of(Plain())
    assert broken == Failure("model", "ZeroDivisionError: division by zero")
    forms = Forms(family, question("q", tiny.picture(1), GOOD), ("last",))
    boxless = forms.of(OracleMask((2,)))
    assert isinstance(boxless, Failure)
    assert boxless.code == "no_boxes"
    assert "oracle_mask needs annotated boxes" in boxless.error
    assert isinstance(forms.of(Plain()), Prepared), "the other method can be asked it"


def pending(uid: str, run: MethodRun | None, prefix: int = 3, **values: Any) -> Pending:
    prepared: Any = SimpleNamespace(prompt=SimpleNamespace(prefix=prefix, grids=((1, 1),)))
    return Pending(question(uid, GOOD, **values), {run: prepared} if run else {})


def uids(batches: Any) -> list[list[str]]:
    return [[one.question.uid for one in batch] for batch in batches]


def test_a_queue_fills_batches_of_what_can_be_asked_together(tmp_path: Path) -> None:
    run, other = (MethodRun(Plain(), Journal(tmp_path / name)) for name in ("a", "b"))
    queue = BatchQueue(lambda batch: len(batch) <= 2)
    assert uids(queue.add(pending("nobody", None))) == []
    assert uids(queue.add(pending("a", run))) == []
    assert uids(queue.add(pending("longer", run, prefix=4))) == []
    assert uids(queue.add(pending("measured", run, align=True))) == []
    assert uids(queue.add(pending("of another run", other))) == []
    assert uids(queue.add(pending("b", run))) == [["a", "b"]]
    assert uids(queue.add(pending("c", run))) == []
    assert uids(queue.rest()) == [["longer"], ["measured"], ["of another run"], ["c"]]


def test_a_question_that_does_not_fit_begins_a_batch_of_its_own(tmp_path: Path) -> None:
    """Sizes here are the digits of the names, and a batch holds ten; a batch is complete when its last would not fit again."""
    run = MethodRun(Plain(), Journal(tmp_path))
    queue = BatchQueue(lambda batch: sum(int(one.question.uid[0]) for one in batch) <= 10)
    assert uids(queue.add(pending("3a", run))) == []
    assert uids(queue.add(pending("3b", run))) == []
    assert uids(queue.add(pending("5", run))) == [["3a", "3b"]]
    assert uids(queue.add(pending("2", run))) == []
    assert uids(queue.add(pending("9", run))) == [["5", "2"], ["9"]], "it fits with none, not even with itself"
    assert uids(queue.add(pending("4", run))) == []
    assert uids(queue.rest()) == [["4"]]
