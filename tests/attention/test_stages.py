"""Every moment counts for one stage, the innermost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from lmms_vg.attention import stages
from lmms_vg.attention.stages import spent, stage


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The time; tests let it pass."""
    now = [100.0]
    monkeypatch.setattr(stages.time, "perf_counter", lambda: now[0])
    stages.forget()
    yield now
    stages.forget()


def test_an_inner_stage_is_taken_from_the_outer(clock: list[float]) -> None:
    with stage("capture"):
        clock[0] += 1
        with stage("prefix"):
            clock[0] += 10
        clock[0] += 2
    clock[0] += 1000  # between stages
    with stage("capture"):
        clock[0] += 4
    assert spent().seconds == {"prefix": 10, "capture": 7, "other": 1000}


def test_a_stage_that_fails_has_taken_its_time(clock: list[float]) -> None:
    def fails() -> None:
        with stage("knockout"), stage("decode"):
            clock[0] += 3
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        fails()
    clock[0] += 5
    assert spent().seconds == {"knockout": 0, "decode": 3, "other": 5}


def test_threads_do_not_end_each_others_stages(clock: list[float]) -> None:
    def visit() -> None:
        with stage("decode"):
            pass

    with stage("prefix"):
        clock[0] += 1
        other = threading.Thread(target=visit)
        other.start()
        other.join()
        clock[0] += 1
    assert spent().seconds == {"prefix": 2, "decode": 0, "other": 0}


def test_memory_is_that_of_the_process_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    assert spent().device == "process"
    assert 50e6 < spent().peak_bytes < 1e12


def test_waiting_for_an_image_does_not_wait_for_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waits.append(1))
    with stage("images"):
        pass
    assert not waits
    with stage("decode"), stage("images"):
        pass
    assert len(waits) == 4
