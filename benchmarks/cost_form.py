"""The form of the cost model against a run on a CPU: is its time images times one constant plus questions times another?

    python -m benchmarks.cost_form            # two minutes on an idle core
    python -m benchmarks.cost_form --quick    # a tiny model: shows that it works, says nothing about the form

The random model of `benchmarks.throughput` answers with `plain`. Both constants are fitted to the answers to seven questions
per image: the first one costs prefix and question, the others cost a question. They then predict the seconds of runs with one
and with four questions per image, which take turns with the fitted ones; within a round, a slow minute affects all of them.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from statistics import median

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch

from benchmarks import checkpoint, contest, questions
from benchmarks.checkpoint import Size
from benchmarks.contest import Contestant, Round
from benchmarks.ours import Ours
from benchmarks.report import table
from lmms_vg.journal.provenance import versions
from lmms_vg.methods.plain import Plain
from lmms_vg.models.llava import Llava
from lmms_vg.reproduce.cost import Constants

FITTED, PREDICTED = 7, (4, 1)
#: Largest relative error wanted.
WANTED = 0.15
TINY = Size(4, 128, 1024, vision_layers=2, vision_hidden=128, image=56)


@dataclass
class Timed:
    """Our path, which keeps when each answer arrived.

    Attributes:
        ours: the path.
        taken: seconds of each answer of a round, one list per round.
    """

    ours: Ours
    taken: list[list[float]] = field(default_factory=list)

    def __call__(self, images: Round) -> list[str]:
        times = [time.perf_counter()]
        answers = self.ours(images, answered=lambda: times.append(time.perf_counter()))
        self.taken.append([after - before for before, after in pairwise(times)])
        return answers


def fit(taken: Sequence[float]) -> Constants:
    """Constants from the seconds of each answer about an image: the median of further questions, and what is left of the first.

    The parts of a question are not told apart: all of it counts as `decoding`.
    """
    question = median(taken[1:])
    return Constants(prefix=taken[0] - question, text=0, decoding=question)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the check and print its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost_form", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--images", type=int, default=3, help="number of images; each is a round (default: %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="a tiny model: a smoke test")
    options = parser.parse_args(argv)
    size = TINY if options.quick else Size()
    with tempfile.TemporaryDirectory(prefix="lmms_vg_benchmark_") as scratch:
        images, origin = questions.choose(options.images, FITTED, Path(scratch))
        folder = Path(scratch) / "checkpoint"
        checkpoint.make(folder, size, [text for asked in images for text in asked.questions])
        ours = Ours(Llava.load(str(folder), None, torch.float32, "cpu", None, "true"), [Plain()], 4)
        timed = Timed(ours)
        everyone = {str(FITTED): Contestant(timed, FITTED)} | {str(n): Contestant(ours, n) for n in PREDICTED}
        results = contest.hold(everyone, contest.one_by_one(images))
    rounds = [fit(taken) for taken in timed.taken[1:]]  # the first one was the warm-up
    print(
        f"{date.today()}, {platform.machine()}, {torch.get_num_threads()} threads, float32; {len(images)} images of {origin}; "
        + ", ".join(f"{name} {version}" for name, version in versions().items())
    )
    prefix, question = (
        median(values) for values in zip(*((constants.prefix, constants.question) for constants in rounds), strict=True)
    )
    print(
        f"\nFitted at {FITTED} questions per image: {prefix:.2f} s per image, {question:.3f} s per question (medians)\n"
    )
    rows = []
    for n in (FITTED, *PREDICTED):
        measured = [n * seconds for seconds in results[str(n)].seconds]
        predicted = [constants.seconds("plain", questions=n, images=1) for constants in rounds]
        error = median(forecast / actual - 1 for forecast, actual in zip(predicted, measured, strict=True))
        wanted = "fitted" if n == FITTED else "none at this size" if options.quick else f"within {WANTED:.0%}"
        rows.append((n, f"{median(predicted):.2f}", f"{median(measured):.2f}", f"{error:+.1%}", wanted))
    print(table(("questions per image", "predicted s", "measured s", "error within rounds, median", "wanted"), rows))


if __name__ == "__main__":
    main()
