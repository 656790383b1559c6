"""The time between the last answer and the scores is a part of a run's account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger

from lmms_vg.attention.stages import Spent
from lmms_vg.inference import run_report
from lmms_vg.inference.run_report import Totals, scored, spent_in_words, take


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
    scored(None)
    clock[0] += 50
    scored(None)  # a model of others, which reports nothing, was scored behind it
    finished(clock[0])
    clock[0] += 7
    scored(None)
    assert [totals.scoring for totals in take()] == [10, 7]


def test_a_run_of_others_has_no_account() -> None:
    scored(None)
    assert take() == []


def test_samples_and_table_state_it_beside_the_other_stages(clock: list[float]) -> None:
    """Only the first line of a task states what its process took; a metric of others may have any name."""
    finished(90.0)
    first: dict[str, Any] = {"n": {"answered": 1, "spent": {"seconds": {"decode": 3.0}, "peak_bytes": 1}}}
    others: list[dict[str, Any]] = [{"n": {"answered": 1}}, {"n": 3.0}, {}]
    heard: list[str] = []
    sink = logger.add(lambda message: heard.append(str(message)), level="INFO", format="{message}")
    scored({"samples": {"ours": [first, others[0]], "of others": others[1:]}})
    logger.remove(sink)
    assert first["n"]["spent"] == {"seconds": {"decode": 3.0, "score": 10.0}, "peak_bytes": 1}
    assert others == [{"n": {"answered": 1}}, {"n": 3.0}, {}]
    (said,) = heard
    assert [line.split() for line in said.splitlines()[1:]] == [
        ["decode", "3.0", "s", "23%"],
        ["score", "10.0", "s", "77%"],
    ]


def test_the_table_adds_the_seconds_of_all_ranks_and_names_the_highest_peak() -> None:
    ranks = [Spent({"prefix": 1.0, "decode": 2.0}, 10**9, "cuda"), Spent({"decode": 5.0}, 3 * 10**9, "cuda")]
    head, *rows = spent_in_words(ranks).splitlines()
    assert head == "time by stage, all 2 ranks together; peak memory of a rank's GPUs 3.00 GB"
    assert [row.split() for row in rows] == [["prefix", "1.0", "s", "12%"], ["decode", "7.0", "s", "88%"]]
