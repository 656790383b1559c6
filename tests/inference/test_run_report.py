"""The time between the last answer and the saved results is a part of a run's account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lmms_vg.attention.stages import Spent
from lmms_vg.inference import run_report
from lmms_vg.inference.run_report import Totals, scored, take


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The time; tests let it pass."""
    now = [100.0]
    monkeypatch.setattr(run_report.time, "perf_counter", lambda: now[0])
    take()
    yield now
    take()


def finished(ended: float) -> None:
    run_report._finished.append(Totals([], [Spent({"decode": 3.0}, 1, "process")], ended))


def test_scoring_is_what_follows_the_last_answer(clock: list[float]) -> None:
    finished(90.0)
    scored()
    clock[0] += 50
    scored()  # a model of others, which reports nothing, was scored behind it
    finished(clock[0])
    clock[0] += 7
    scored()
    assert [totals.scoring for totals in take()] == [10, 7]


def test_a_run_of_others_has_no_account() -> None:
    scored()
    assert take() == []
