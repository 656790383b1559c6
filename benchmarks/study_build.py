"""Time and memory of `lmms-vg study build` on a large journal: 28,000 questions with maps of 28 layers of 24 x 24 patches.

    python -m benchmarks.study_build                     # some minutes on one idle core, 3 GB of disk
    python -m benchmarks.study_build --questions 4000    # on a busy machine: says how time grows, judges nothing
    python -m benchmarks.study_build --quick             # few questions: shows that it works, says nothing about time

The journal is made up: half the questions are about medical images, half about natural ones, two per image, in half precision,
as runs keep maps. The study is built twice: the first build measures maps of other images on the boxes and stores that, the
second finds it. Each build has a process of its own, of which seconds of processor time and of the clock, and the peak of its
resident set are taken; pages of files that it maps are in the resident set. Linux only.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from benchmarks.report import Ratio, Report
from lmms_vg.journal import Journal, LayerMaps, QuestionMap, Record, ReferenceMap, content_key
from lmms_vg.metrics import alignment
from lmms_vg.runs.results import Run

QUESTIONS, LAYERS, GRID = 28_000, 28, (24, 24)
T = TypeVar("T")
TASKS = ("vgmed_localization", "vgmed_coco_localization")
BATCH = 64
_POOL = 512  # different maps; others repeat them, moved by some patches
_IDENTITY = {
    "family": "huatuo",
    "method": {"name": "plain", "hyper_parameters": {}},
    "settings": {"pretrained": "benchmark"},
    "versions": {"lmms_vg": "benchmark"},
}


class Build(NamedTuple):
    """Of one build: seconds by the clock and of the processor, and MB: peak of the resident set, all written, the page."""

    seconds: float
    processor: float
    peak: float
    written: float
    page: float


def write_journal(folder: Path, questions: int) -> Run:
    """Write the journal of a run, and return the run."""
    rng = np.random.default_rng(0)
    pool = [LayerMaps.of(np.exp(0.8 * rng.standard_normal((LAYERS, 576))) / 1e4, np.ones(LAYERS)) for _ in range(_POOL)]
    with Journal(folder, provenance=_IDENTITY) as journal:
        for batch in _batches(questions):
            maps = [_map(number, pool, rng) for number in batch]
            journal.write([_record(number, questions, kept) for number, kept in zip(batch, maps, strict=True)], maps)
    return run_of(folder, questions)


def run_of(folder: Path, questions: int) -> Run:
    """The run that left a journal."""
    means = {task: {"ar": 1.0, "kl": 3.0, "js": 0.5, "best_layer": 0, "n": questions // 2} for task in TASKS}
    return Run(folder, "huatuo_plain", "", measured=list(TASKS), means=means, provenance=_IDENTITY)


def _batches(questions: int) -> Iterator[range]:
    return (range(start, min(start + BATCH, questions)) for start in range(0, questions, BATCH))


def _map(number: int, pool: Sequence[LayerMaps], rng: np.random.Generator) -> QuestionMap:
    mask = np.zeros(GRID, bool)
    height, width = rng.integers(1, 12, 2)
    y, x = rng.integers(0, 24 - height), rng.integers(0, 24 - width)
    mask[y : y + height, x : x + width] = True
    cells = np.roll(pool[int(rng.integers(_POOL))].cells, int(rng.integers(576)), axis=1)
    # Boxes have half as much again as a blind look gives them.
    kept = LayerMaps.of(cells.astype(np.float64) * (1 + 0.5 * mask.ravel()) / 1e3, np.ones(LAYERS))
    image = f"image {number // 2}"
    general = ReferenceMap(image, GRID, pool[number // 2 % _POOL])
    visible = np.ones(GRID, bool)
    return QuestionMap(_key(number), image, "last", 0, mask, visible, kept, general)


def _record(number: int, questions: int, kept: QuestionMap) -> Record:
    task = TASKS[number >= questions // 2]
    measures = alignment.align(
        kept.maps.restored()[:, None], kept.reference.maps.restored()[:, None], kept.mask.ravel()
    )
    values = {name: value.tolist() for name, value in measures._asdict().items()}
    return Record(key=_key(number), task=task, uid=f"{task}/{number}", text="yes", image=kept.image, alignment=values)


def _key(number: int) -> str:
    return content_key({"number": number})


def build_study(run: Run, out: Path) -> Build:
    """Build the study of a run, and measure this process."""
    from lmms_vg.study.build import build

    began, used = time.perf_counter(), time.process_time()
    paths, _ = build([run], out)
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return Build(
        seconds,
        processor,
        peak,
        sum(path.stat().st_size for path in paths) / 1e6,
        (out / "report.html").stat().st_size / 1e6,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.study_build", description="Time and memory of building a study."
    )
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="how many; only %(default)s are judged")
    parser.add_argument("--quick", action="store_true", help="few questions: a smoke test")
    parser.add_argument(
        "--folder", type=Path, help="where the journal and the study go; a journal that is there is used again"
    )
    args = parser.parse_args(argv)
    questions = 120 if args.quick else args.questions
    with tempfile.TemporaryDirectory(prefix="lmms_vg_benchmark_") as temporary:
        print(measured(args.folder or Path(temporary), questions, judged=questions >= QUESTIONS).markdown())


def measured(folder: Path, questions: int, judged: bool) -> Report:
    """Write the journal if it is not in the folder, build its study twice, in processes of their own, and report."""
    journal = folder / "journal"
    run = run_of(journal, questions) if journal.exists() else _alone(write_journal, journal, questions)
    # A home of its own, so that the first build finds nothing.
    with tempfile.TemporaryDirectory(dir=folder, prefix="home_") as home:
        os.environ["LMMS_VG_HOME"] = home
        first, second = (_alone(build_study, run, folder / name) for name in ("study_first", "study_second"))
        stored = _size(Path(home) / "nulls")
    return Report(
        setup={
            "questions": f"{questions:,}, two per image, {LAYERS} layers of {GRID[0]} x {GRID[1]} patches",
            "journal": f"{_size(journal):,.0f} MB",
            "first build": _said(first),
            "second build": _said(second),
            "stored nulls": f"{stored:.0f} MB",
            "study": f"{second.written:.1f} MB, of which report.html {second.page:.1f} MB",
            "machine": f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}",
        },
        seconds={},
        ratios=[
            Ratio("seconds by the clock, nulls stored", second.seconds, 120),
            Ratio("MB of the resident set at its peak, nulls stored", second.peak, 2000),
            Ratio("MB of the resident set at its peak, first build", first.peak, 2000),
        ],
        agreements=[],
        judged=judged,
    )


def _alone(work: Callable[..., T], *args: object) -> T:
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(work, *args).result()


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def _said(build: Build) -> str:
    return f"{build.seconds:.0f} s by the clock, {build.processor:.0f} s of the processor, peak {build.peak:,.0f} MB"


if __name__ == "__main__":
    main()
