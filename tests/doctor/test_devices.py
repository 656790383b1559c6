"""Simulated devices, and the device that a run uses, which is the engine's choice."""

from __future__ import annotations

import os
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lmms_vg.doctor import devices
from lmms_vg.doctor.check_result import CheckResult
from lmms_vg.inference import build


@pytest.fixture(autouse=True)
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new GPU and an old one."""
    names, current = ["NVIDIA H100", "Tesla T4"], [0]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(
        torch.cuda,
        "get_device_properties",
        lambda number: SimpleNamespace(name=names[number], total_memory=85e9 if number == 0 else 15.8e9),
    )

    def device(number: int) -> Any:
        current[0] = number
        return nullcontext()

    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or not current[0]
    )


def test_every_gpu_with_its_memory(gpus: None) -> None:
    new, old = devices.accelerators()
    assert new == ("ok", "cuda:0 NVIDIA H100, 85 GB, bfloat16", "")
    assert (old.mark, old.remedy) == ("note", "lmms-vg run --model_args dtype=float16 ...")
    assert old.text.startswith("cuda:1 Tesla T4, 16 GB, bfloat16 only by emulation")


def test_no_gpu_is_a_note() -> None:
    (finding,) = devices.accelerators()
    assert finding.mark == "note"
    assert finding.text.startswith("no CUDA device and no MPS")


def test_mps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert list(devices.accelerators()) == [("ok", "mps, Apple's GPU", "")]


def threads(monkeypatch: pytest.MonkeyPatch, number: int, cpus: int, setting: str | None) -> CheckResult:
    monkeypatch.setattr(torch, "get_num_threads", lambda: number)
    monkeypatch.setattr(devices, "_cpus", lambda: cpus)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if setting is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", setting)
    (finding,) = devices.cpu()
    return finding


def test_threads_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half as many threads as CPUs are fine too: torch counts cores."""
    assert threads(monkeypatch, 8, 16, None) == ("ok", "CPU: 8 threads on 16 CPUs (OMP_NUM_THREADS is not set)", "")
    assert threads(monkeypatch, 1, 2, "1") == ("ok", "CPU: 1 thread on 2 CPUs (OMP_NUM_THREADS=1)", "")


def test_more_threads_than_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = threads(monkeypatch, 32, 4, None)
    assert (finding.mark, finding.remedy) == ("note", "export OMP_NUM_THREADS=4")


def test_idle_cpus_matter_where_they_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread per rank, as torchrun sets it, is right with a GPU."""
    finding = threads(monkeypatch, 1, 16, "1")
    assert (finding.mark, finding.remedy) == ("note", "unset OMP_NUM_THREADS")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert threads(monkeypatch, 1, 16, "1").mark == "ok"


def test_cpus_are_those_of_this_process() -> None:
    assert 1 <= devices._cpus() <= (os.cpu_count() or 1)


def test_what_a_run_takes(monkeypatch: pytest.MonkeyPatch, gpus: None) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert list(devices.choice()) == [("ok", "a run uses cuda:1 in bfloat16", "")]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert list(devices.choice()) == [("ok", "a run uses cpu in float32", "")]


@pytest.mark.parametrize(("device", "dtype"), [("cuda:1", "bfloat16"), ("mps", "float16"), ("cpu", "float32")])
def test_the_dtype_is_the_one_the_engine_takes(device: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Loading(Exception): ...

    taken: list[str] = []

    def load(family: str, settings: build.Settings, options: object, device: str) -> None:
        taken.append(settings.dtype)
        raise Loading

    monkeypatch.setattr(build, "choose_device", lambda asked: device)
    monkeypatch.setattr(build, "_load", load)
    with pytest.raises(Loading):
        build.build("huatuo", "plain", pretrained="demo")
    assert taken == [dtype]
