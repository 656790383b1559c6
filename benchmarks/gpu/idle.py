"""The share of wall time in which the GPU does nothing, by torch.profiler: what Python and image decoding cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import chain

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.contest import Round
from benchmarks.gpu.bench import LOOP_BATCH, Bench
from benchmarks.gpu.sections import Found
from benchmarks.gpu.speed import LLAVA_HF, LOOP, PLAIN, VGREFINE
from benchmarks.report import table

#: Images of the profiled round.
IMAGES = 2


def busy(intervals: Iterable[tuple[float, float]]) -> float:
    """Length of the union of intervals: kernels on several streams may overlap."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def measure(bench: Bench) -> Found:
    """One profiled round of each path; profiling itself slows the CPU side down a little."""
    if bench.device == "cpu":
        return Found("There is no GPU here that could be idle.")
    (images,) = bench.rounds(1, IMAGES)
    contestants: dict[str, Callable[[Round], list[str]]] = {LLAVA_HF: bench.stock, LOOP.format(LOOP_BATCH): bench.loop}
    for batch in bench.batchings:
        contestants[PLAIN.format(batch)] = bench.ours("plain", batch=batch)
        contestants[VGREFINE.format(batch)] = bench.ours("vgrefine", batch=batch)
    shares = {name: _idle(bench, contestant, images) for name, contestant in contestants.items()}
    n = len(list(chain.from_iterable(entry.questions for entry in images)))
    rows = ((name, f"{share:.0%}") for name, share in shares.items())
    return Found(f"n = {n} questions each\n\n{table(('path', 'GPU idle'), rows)}", {"n": n, "idle": shares})


def _idle(bench: Bench, contestant: Callable[[Round], list[str]], images: Round) -> float:
    contestant(images[:1])
    bench.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        started = time.perf_counter()
        contestant(images)
        torch.cuda.synchronize()
        wall = time.perf_counter() - started
    kernels = [event.time_range for event in profiled.events() if event.device_type.name == "CUDA"]
    return 1 - busy((kernel.start / 1e6, kernel.end / 1e6) for kernel in kernels) / wall
