"""The soak runs, and what questions leave in memory does not grow with their number, by Python's own count of allocations."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Iterator

import pytest

from benchmarks import soak
from lmms_vg import journal
from lmms_vg.inference import answerer
from lmms_vg.journal import Record

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

#: Questions at which allocations are read, how many are asked, and most bytes that each question between them may leave.
#: What is held for the coming questions goes before the last is asked, and would hide what is left.
FIRST, LAST, ASKED, LEFT = 28, 98, 126, 1000


@pytest.fixture
def traced() -> Iterator[None]:
    soak.soak("plain", 1)  # imports what it needs, which takes longer while allocations are counted
    tracemalloc.start()
    yield
    tracemalloc.stop()


def test_what_is_left_of_a_question_is_less_than_1_kb(traced: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No image prefix is kept, as these are bounded in bytes, not in number; a record alone would be 4 to 8 kB."""
    monkeypatch.setattr(answerer, "kept_bytes", lambda model: 0)
    sizes: dict[int, int] = {}
    remember, numbers = journal.remember, iter(range(1, ASKED + 1))

    def remembered(record: Record) -> None:
        remember(record)
        if (number := next(numbers)) in (FIRST, LAST):
            gc.collect()
            sizes[number] = tracemalloc.get_traced_memory()[0]

    monkeypatch.setattr(journal, "remember", remembered)
    readings = soak.soak("plain", ASKED)
    assert readings[-1].answers == ASKED
    assert (sizes[LAST] - sizes[FIRST]) / (LAST - FIRST) < LEFT
    assert readings[-1].files <= readings[1].files, "no file stays open"
    journal.forget()


def test_a_short_soak_prints_its_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.main(["--questions", "20"]) == 0
    shown = capsys.readouterr().out
    assert "20, 7 per image, batch auto, vgrefine" in shown
    assert "| files opened and not closed | 0" in shown
