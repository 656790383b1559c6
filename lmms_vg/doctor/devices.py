"""Devices of this machine, and which of them a run uses."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lmms_vg.doctor.check_result import Check, CheckResult, note, ok


def accelerators() -> Iterator[CheckResult]:
    """Every CUDA device with its memory and bfloat16 support (the default dtype on CUDA), and Apple's GPU."""
    import torch

    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        properties = torch.cuda.get_device_properties(number)
        named = f"cuda:{number} {properties.name}, {properties.total_memory / 1e9:.0f} GB"
        with torch.cuda.device(number):
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        if native:
            yield ok(f"{named}, bfloat16")
        else:
            yield note(
                f"{named}, bfloat16 only by emulation, which is slow", "lmms-vg run --model_args dtype=float16 ..."
            )
    if torch.backends.mps.is_available():
        yield ok("mps, Apple's GPU")
    if not _accelerated():
        yield note(
            "no CUDA device and no MPS: runs use the CPU, which suffices for the demo and is slow for a 7B model"
        )


def cpu() -> Iterator[CheckResult]:
    """Threads compared with the CPUs of this process; too few threads matter only if runs use the CPU."""
    import torch

    threads, cpus = torch.get_num_threads(), _cpus()
    setting = os.environ.get("OMP_NUM_THREADS")
    given = f"OMP_NUM_THREADS={setting}" if setting else "OMP_NUM_THREADS is not set"
    named = f"CPU: {threads} {'thread' if threads == 1 else 'threads'} on {cpus} CPUs ({given})"
    if threads > cpus:
        yield note(f"{named}: they wait for each other", f"export OMP_NUM_THREADS={cpus}")
    elif setting and 2 * threads < cpus and not _accelerated():  # half of them is right if two share a core
        yield note(f"{named}: most CPUs stay idle", "unset OMP_NUM_THREADS")
    else:
        yield ok(named)


def choice() -> Iterator[CheckResult]:
    """Device and dtype that `inference.settings` chooses when `--model_args` does not set them."""
    from lmms_vg.inference.settings import choose_device, choose_dtype

    device = choose_device(None)
    yield ok(f"a run uses {device} in {choose_dtype(device)}")


def _accelerated() -> bool:
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()


def _cpus() -> int:
    """Return the number of CPUs that this process may use; a batch system may limit it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


CHECKS: dict[str, Check] = {"accelerators": accelerators, "CPU": cpu, "choice": choice}
