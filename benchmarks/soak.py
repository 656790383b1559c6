"""Many questions in one process: do memory and open files stay level?

    OMP_NUM_THREADS=1 python -m benchmarks.soak            # 50,000 questions: 10 to 20 minutes
    python -m benchmarks.soak --questions 200              # shows that it works, says nothing about memory

The demo model answers questions about phantoms, seven per image, at batch size `auto`, into one journal, and hands each
answer to scoring, as a run inside lmms-eval does. The resident set and the number of open files are read every thousand
questions; growth counts from the first tenth on, when caches are full. Linux only.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from loguru import logger
from tqdm import tqdm

from benchmarks.journal_memory import resident
from benchmarks.report import Ratio, Report
from lmms_vg import journal
from lmms_vg.experiments.boxed_questions import questions
from lmms_vg.inference.build import build
from lmms_vg.inference.question import Question

QUESTIONS = 50_000
PER_IMAGE = 7
EVERY = 1000


class Reading(NamedTuple):
    """After so many answers: the resident set in MB and the number of open files."""

    answers: int
    megabytes: float
    files: int


def endless(task: str) -> Iterator[Question]:
    """Questions without end, no two of them equal: `PER_IMAGE` about each image of the task, then the images again."""
    images = list({question.uid.rsplit("/", 1)[0]: question for question in questions(task)}.values())
    for turn in count():
        for question in images:
            for number in range(PER_IMAGE):
                yield numbered(question, turn * PER_IMAGE + number)


def numbered(question: Question, number: int) -> Question:
    """The same question with a number behind its text, so that the journal does not know its answer."""

    def message() -> list[object]:
        *images, text = question.message()
        return [*images, f"{text} ({number})"]

    return replace(question, uid=f"{question.uid}/{number}", message=message)  # type: ignore[arg-type]


def soak(method: str, total: int) -> list[Reading]:
    """Ask `total` questions; returns the readings, one per `EVERY` answers."""
    readings = []
    with closing(build("huatuo", method, pretrained="demo", batch_size="auto")) as answerer:
        answers = answerer.answer(islice(endless("vgmed_demo"), total))
        for number, (_, record) in enumerate(tqdm(answers, total=total, desc=method), 1):
            journal.remember(record)
            if record.error is not None:
                raise RuntimeError(f"{record.uid}: {record.error}")
            if number % min(EVERY, max(1, total // 20)) == 0:
                readings.append(Reading(number, resident(), len(os.listdir("/proc/self/fd"))))
    return readings


def main(argv: list[str] | None = None) -> int:
    """Run the soak and print its report; returns 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=QUESTIONS, help=f"number of questions ({QUESTIONS:,})")
    parser.add_argument("--method", default="vgrefine", help="(vgrefine)")
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    with tempfile.TemporaryDirectory(prefix="lmms_vg_soak_") as home:
        os.environ["LMMS_VG_HOME"] = home
        started = time.perf_counter()
        readings = soak(args.method, args.questions)
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in Path(home).rglob("*") if path.is_file()) / 1e6
    steady = readings[len(readings) // 10 :]
    report = Report(
        setup={
            "questions": f"{args.questions:,}, {PER_IMAGE} per image, batch auto, {args.method}",
            "resident set": " -> ".join(f"{reading.megabytes:,.0f}" for reading in steady[:: max(1, len(steady) // 5)])
            + " MB",
            "journal": f"{size:,.0f} MB",
            "seconds": f"{seconds:,.0f} ({args.questions / seconds:.0f} questions/s)",
            "machine": f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}",
        },
        seconds={},
        ratios=[
            Ratio("MB that the resident set grew by", max(r.megabytes for r in steady) - steady[0].megabytes, 60),
            Ratio("files opened and not closed", max(r.files for r in steady) - steady[0].files, 0),
        ],
        agreements=[],
        judged=args.questions >= QUESTIONS,
    )
    print(report.markdown())
    return int(report.judged and not all(ratio.met for ratio in report.ratios))


if __name__ == "__main__":
    sys.exit(main())
