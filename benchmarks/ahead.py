"""How much of the time of preparing images shows in the time of a run.

    OMP_NUM_THREADS=1 python -m benchmarks.ahead    # about three minutes
    python -m benchmarks.ahead --quick              # few small images: shows that it works, says nothing about speed

The model sleeps, as a CPU does that waits for its GPU: per question a multiple of the time of preparing one, which is measured
first. Images are noise, opened from files, hashed and prepared for 336 pixels. The wall time is divided by the time slept.
Beside it, the same questions are prepared one by one, between two answers.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from unittest import mock

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import torch
from PIL import Image

from benchmarks import checkpoint
from benchmarks.checkpoint import Size
from benchmarks.questions import REFERENCE
from benchmarks.report import Agreement, Ratio, Report
from lmms_vg.attention.batch import Batch
from lmms_vg.inference import answerer
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.asking import Answered, Asking
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.pending import Forms
from lmms_vg.inference.question import Message, Prepared, Question
from lmms_vg.journal import Journal, Record
from lmms_vg.journal.decoding import Decoding
from lmms_vg.journal.provenance import versions
from lmms_vg.methods.plain import Plain
from lmms_vg.models import Family
from lmms_vg.models.llava import Llava
from lmms_vg.vision.images import open_rgb
from lmms_vg.vision.kept import KeptPictures, opened

TINY = Size(2, 64, vocabulary=4096, vision_layers=2, vision_hidden=64)
AHEAD, ONE_BY_ONE = "ahead", "one by one"
#: Seconds of the model / seconds of preparing a question without help from the question before.
MULTIPLES = (1.25, 2.0)
#: Most wall time / model time.
TARGET = 1.1


@dataclass(frozen=True)
class Measured:
    """Seconds of a run per question; what was asked, in the order of the answers."""

    seconds: float
    asked: list[str]


def one_by_one(questions: Iterable[Question], prepare: Callable[[Question], Forms], most: int) -> Iterator[Forms]:
    """Prepare every question when it is asked."""
    yield from map(prepare, questions)


def measure(family: Family, asked: Sequence[Question], way: str, pause: float) -> Measured:
    """Ask all questions once; every answer takes `pause` seconds."""

    def sleep(_: Asking, __: MethodRun, ___: Batch, prepared: Sequence[Prepared], ____: float) -> Answered:
        time.sleep(pause)
        return Answered(
            [Record(key=form.key, task=form.question.task, uid=form.question.uid) for form in prepared], [], []
        )

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        if way == ONE_BY_ONE:
            stack.enter_context(mock.patch.object(answerer, "prepared_ahead", one_by_one))
            stack.enter_context(mock.patch.object(KeptPictures, "question", return_value=nullcontext()))
        stack.enter_context(mock.patch.object(Asking, "open"))
        stack.enter_context(mock.patch.object(Asking, "records", sleep))
        method_run = MethodRun(Plain(), Journal(Path(folder)))
        ours = stack.enter_context(closing(Answerer(family, [method_run])))
        start = time.perf_counter()
        records = [record for _, record in ours.answer(asked)]
        seconds = (time.perf_counter() - start) / len(asked)
        assert method_run.counts.answered == len(asked), method_run.counts
    return Measured(seconds, [record.key for record in records])


def questions(folder: Path, images: int, per_image: int, side: int) -> list[Question]:
    """Questions about JPEG files of smooth noise."""
    asked = []
    for seed in range(images):
        pixels = np.random.default_rng(seed).integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
        path = folder / f"noise{seed}.jpg"
        Image.fromarray(pixels).resize((side, side)).save(path, quality=90)
        for number in range(per_image):
            message = partial(_message, path, f"Is there a mass in region {number}?")
            asked.append(Question("benchmark", f"{seed}/{number}", message, REFERENCE, Decoding(max_new_tokens=1)))
    return asked


def _message(path: Path, text: str) -> Message:
    return [opened(path, partial(open_rgb, path)), text]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ahead",
        description="Wall time of a run / time of its model.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--questions", type=int, default=56, help="number of questions of a run, a multiple of 7")
    parser.add_argument("--side", type=int, default=1024, help="width and height of the images in pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few small images: a smoke test")
    options = parser.parse_args(argv)
    count, side, rounds = (7, 96, 1) if options.quick else (options.questions, options.side, options.rounds)
    seconds: dict[str, list[float]] = {}
    ratios: list[Ratio] = []
    pairs: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory(prefix="lmms_vg_benchmark_") as scratch:
        texts = ["Is there a mass in region 0 1 2 3 4 5 6?"]
        checkpoint.make(Path(scratch) / "model", TINY, texts)
        family = Llava.load(str(Path(scratch) / "model"), None, torch.float32, "cpu", None, "true")
        groups = {n: questions(Path(scratch), count // n, n, side) for n in (1, 7)}
        measure(family, groups[1], ONE_BY_ONE, 0)  # the first run loads what the others find
        preparation = median(measure(family, groups[1], ONE_BY_ONE, 0).seconds for _ in range(rounds))
        for n, asked in groups.items():
            for multiple in MULTIPLES:
                pause = multiple * preparation
                runs: dict[str, list[Measured]] = {AHEAD: [], ONE_BY_ONE: []}
                for _ in range(rounds):
                    for way, results in runs.items():
                        results.append(measure(family, asked, way, pause))
                setup = f"{n} {'question' if n == 1 else 'questions'} per image, model {multiple:g} x preparation"
                for way, results in runs.items():
                    seconds[f"{way}, {setup}"] = [result.seconds for result in results]
                    ratio = median(result.seconds for result in results) / pause
                    if way == AHEAD:
                        ratios.append(Ratio(f"wall / model, {setup}", ratio, TARGET))
                    else:
                        ratios.append(Ratio(f"the same, {way}", ratio, 1, at_most=False))
                pairs += zip(runs[AHEAD][0].asked, runs[ONE_BY_ONE][0].asked, strict=True)
    report = Report(
        setup={
            "images": f"noise of {side} x {side} pixels, JPEG; {count} questions a run",
            "preparation": f"{preparation:.3f} s a question, with an image that no question before had",
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, float32",
            "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
        },
        seconds=seconds,
        ratios=ratios,
        agreements=[Agreement.of(f"{AHEAD} and {ONE_BY_ONE}", pairs)],
        judged=not options.quick,
    )
    print(report.markdown())


if __name__ == "__main__":
    main()
