"""Memory and time of a large journal: written by a run, scored from after it was closed, and opened again.

    python -m benchmarks.journal_memory            # about two minutes on one idle core
    python -m benchmarks.journal_memory --quick    # few answers: shows that it works, says nothing about memory

The answers are made up, as large as those of a plain run: with prompt, hash and settings (VQA), or with the alignment values of
32 layers (a measurement). Each kind has a process of its own, whose resident set is measured, so memory contains everything.
Linux only.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.report import Agreement, Ratio, Report
from lmms_vg import journal
from lmms_vg.journal import Journal, Record, content_key
from lmms_vg.journal.decoding import Decoding

#: Questions of the paper's six benchmarks, about: OmniMedVQA alone has 88,996.
QUESTIONS = 110_000
BATCH = 8
PROMPT = (
    "A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, detailed, and "
    "polite answers to the human's questions. USER: <image>\nWhat modality is used to take image {}? Answer with a "
    "single word or phrase. ASSISTANT:"
)


@dataclass
class Measured:
    """Of a journal: memory and size in MB, times, and whether the texts that were written were read back.

    Attributes:
        added: memory after writing all answers and handing them over to scoring, minus that before.
        opening: seconds to open it.
        recall: milliseconds per question to read a record for scoring, after the journal was closed.
        find: milliseconds per question to read a record from the journal opened again.
        size: of the file.
        agreement: how many texts were read back.
    """

    added: float
    opening: float
    recall: float
    find: float
    size: float
    agreement: Agreement


def answer(number: int, layers: int) -> Record:
    """The record of a question; `layers` is the number of layers with alignment values, 0 for none."""
    return Record(
        key=content_key({"number": number}),
        task="omnimedvqa",
        uid=f"test/{number}",
        text=f"magnetic resonance imaging {number}",
        prompt=PROMPT.format(number),
        image=content_key({"image": number // 4}) * 2,
        seconds=number / 7,
        decoding=Decoding().as_key(),
        alignment={name: [number / 7 + layer for layer in range(layers)] for name in ("kl", "ar", "js", "printed_ar")}
        if layers
        else None,
    )


def resident() -> float:
    """The resident set of this process in MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(name: str, questions: int, layers: int) -> Measured:
    """Write, score and reopen a journal in a new folder."""
    with tempfile.TemporaryDirectory(prefix="lmms_vg_benchmark_") as home:
        os.environ["LMMS_VG_HOME"] = home
        folder = journal.home() / "journal" / "benchmark"
        before = resident()
        with Journal(folder) as written:
            for batch in _batches(questions, layers):
                written.write(batch)
                for record in batch:
                    journal.remember(record)
            added = resident() - before
        recall, by_recall = _read(lambda record: journal.recall(record.task, record.uid), questions)
        journal.forget()
        started = time.perf_counter()
        with Journal(folder) as opened:
            opening = time.perf_counter() - started
            find, by_find = _read(lambda record: opened.find(record.key, record.task, record.uid), questions)
        size = written.path.stat().st_size / 1e6
    agreement = Agreement.of(f"{name}: written and read back", by_recall + by_find)
    return Measured(added, opening, recall, find, size, agreement)


def _batches(questions: int, layers: int) -> Iterator[list[Record]]:
    for start in range(0, questions, BATCH):
        yield [answer(number, layers) for number in range(start, min(start + BATCH, questions))]


def _read(read: Callable[[Record], Record | None], questions: int) -> tuple[float, list[tuple[str, str]]]:
    """Read all records; returns milliseconds per question, and the texts as they were written and as they were read."""
    asked = [answer(number, 0) for number in range(questions)]
    started = time.perf_counter()
    records = [read(record) for record in asked]
    took = time.perf_counter() - started
    pairs = [(original.text, record.text if record else "") for original, record in zip(asked, records, strict=True)]
    return took / questions * 1e3, pairs


def _alone(*arguments: Any) -> Measured:
    """`measure` in a process of its own."""
    with ProcessPoolExecutor(1, get_context("fork")) as process:
        return process.submit(measure, *arguments).result()


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.journal_memory", description="Memory and time of a large journal."
    )
    parser.add_argument("--quick", action="store_true", help="few answers: a smoke test")
    quick = parser.parse_args(argv).quick
    questions = 200 if quick else QUESTIONS
    results = {name: _alone(name, questions, layers) for name, layers in (("VQA", 0), ("measurement", 32))}
    report = Report(
        setup={
            "answers": f"{questions:,}, batches of {BATCH}",
            "journals": ", ".join(f"{name} {result.size:.0f} MB" for name, result in results.items()),
            "machine": f"{platform.machine()}, Python {platform.python_version()}",
        },
        seconds={},
        ratios=[
            ratio
            for name, result in results.items()
            for ratio in (
                Ratio(f"{name}: MB added by writing and handing over", result.added, 120),
                Ratio(f"{name}: seconds to open", result.opening, 5),
                Ratio(f"{name}: ms per question read for scoring", result.recall, 1),
                Ratio(f"{name}: ms per question found to resume", result.find, 1),
            )
        ],
        agreements=[result.agreement for result in results.values()],
        judged=not quick,
    )
    print(report.markdown())


if __name__ == "__main__":
    main()
