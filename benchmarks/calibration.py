"""The cost of calibrating heads: time compared with plain answering, and memory by number of questions.

    python -m benchmarks.calibration            # about five minutes on one idle core
    python -m benchmarks.calibration --quick    # a tiny model: shows that it works, says nothing about speed

Both load the same random-weight LLaVA and take turns on the same images and questions. Plain answering generates as many
tokens as tasks of closed questions allow; calibration generates one and measures every head of every layer, writes this to
the journal, reads it back and adds it up.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import resource
import tempfile
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch

from benchmarks import checkpoint, contest, questions
from benchmarks.checkpoint import Size
from benchmarks.contest import Contestant, Round
from benchmarks.ours import about
from benchmarks.report import Agreement, Ratio, Report
from lmms_vg.experiments.boxed_questions import BoxedSample, annotated
from lmms_vg.experiments.calibration import measure
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Question
from lmms_vg.journal import Journal, read_records
from lmms_vg.journal.provenance import versions
from lmms_vg.methods.plain import Plain
from lmms_vg.metrics.head_ranking import HeadSums
from lmms_vg.models import Family
from lmms_vg.models.llava import Llava

#: Most tokens that tasks of closed questions generate.
NEW_TOKENS = 16
#: The model for memory: many layers, but small, so that questions take more memory than weights.
SMALL = Size(24, 128, vocabulary=4096, vision_layers=2, vision_hidden=128, image=112)
#: The model of the smoke test.
TINY = Size(4, 128, vocabulary=1024, vision_layers=2, vision_hidden=128, image=56)
CALIBRATION, PLAIN, SHORT = "calibration", f"plain, {NEW_TOKENS} tokens", "plain, 1 token"


@dataclass(frozen=True)
class Plainly:
    """The plain model on the questions about one image, with a fresh journal for every call.

    Attributes:
        family: the model.
        shape: number of layers and of heads per layer.
        tokens: most tokens generated per answer.
        calibrate: whether to measure all heads and add up their values; otherwise only answer.
    """

    family: Family
    shape: tuple[int, int]
    tokens: int
    calibrate: bool

    def __call__(self, images: Round) -> list[str]:
        """The answers."""
        asked = [about(image, text, self.tokens, self.calibrate) for image in images for text in image.questions]
        return self.ask(asked)

    def ask(self, asked: list[Question]) -> list[str]:
        """Ask the questions; returns the answers."""
        with tempfile.TemporaryDirectory() as folder:
            journal = Journal(Path(folder))
            answerer = Answerer(self.family, [MethodRun(Plain(), journal)], per_head=self.calibrate)
            if self.calibrate:
                measure(answerer, BoxedSample("benchmark", asked, [], []), HeadSums(self.shape))
            else:
                for _ in answerer.answer(asked):
                    pass
            answerer.close()
            return [record.text for record in read_records([journal.path])]


def memory(family: Family, shape: tuple[int, int], few: int, many: int) -> list[Ratio]:
    """Ratios of peak memory with many and with few phantoms: resident set, and Python's allocations.

    Any run keeps the place of each answer in its journal in memory; calibration may keep no more.
    """
    calibration, plain = (Plainly(family, shape, 1, calibrate) for calibrate in (True, False))
    samples = [annotated("demo", n, 0).questions for n in (few, many)]
    resident, kept = [], []
    for asked in (samples[0], *samples):  # the first pass allocates what stays
        calibration.ask(asked)
        resident.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    for contestant in (calibration, plain):
        few_bytes, many_bytes = (_allocated(contestant, asked) for asked in samples)
        kept.append((many_bytes - few_bytes) / (many - few) / 1e3)
    return [
        Ratio(f"peak resident set, {many} questions / {few}", resident[2] / resident[1], 1.02),
        Ratio(f"kept per question, calibration / plain run ({kept[0]:.1f} / {kept[1]:.1f} kB)", kept[0] / kept[1], 1.1),
    ]


def _allocated(contestant: Plainly, asked: list[Question]) -> int:
    gc.collect()
    tracemalloc.start()
    contestant.ask(asked)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration",
        description="Time and memory of calibrating heads.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--images", type=int, default=3, help="number of images; each is a round")
    parser.add_argument("--questions-per-image", type=int, default=4)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: a smoke test")
    options = parser.parse_args(argv)
    size, light, few, many = (TINY, TINY, 2, 4) if options.quick else (Size(), SMALL, 20, 100)
    with tempfile.TemporaryDirectory(prefix="lmms_vg_benchmark_") as scratch:
        images, origin = questions.choose(options.images, options.questions_per_image, Path(scratch))
        texts = [text for asked in images for text in asked.questions]
        family = _load(Path(scratch) / "large", size, texts)
        shape, n = (size.layers, size.heads), options.questions_per_image
        everyone = {
            CALIBRATION: Contestant(Plainly(family, shape, 1, calibrate=True), n),
            PLAIN: Contestant(Plainly(family, shape, NEW_TOKENS, calibrate=False), n),
            SHORT: Contestant(Plainly(family, shape, 1, calibrate=False), n),
        }
        results = contest.hold(everyone, contest.one_by_one(images))
        del family, everyone
        small = _load(Path(scratch) / "small", light, texts)
        peaks = memory(small, (light.layers, light.heads), few, many)
    calibration = results[CALIBRATION]
    report = Report(
        setup={
            "text model": f"{size.layers} layers, {size.heads} heads, {size.hidden} wide; {size.image_tokens} image tokens",
            "images": f"{len(images)} of {origin}, {options.questions_per_image} questions each; batch size 1",
            "memory": f"phantoms; {light.layers} layers of {light.heads} heads",
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, float32",
            "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
        },
        seconds={name: result.seconds for name, result in results.items()},
        ratios=[
            Ratio(f"{CALIBRATION} / {PLAIN}", calibration.times(results[PLAIN]), 1.3),
            Ratio(f"{CALIBRATION} / {SHORT}", calibration.times(results[SHORT]), 1.3),
            *peaks,
        ],
        agreements=[Agreement.of(f"{CALIBRATION} and {SHORT}", calibration.common(results[SHORT]))],
        judged=not options.quick,
    )
    print(report.markdown())


def _load(folder: Path, size: Size, texts: list[str]) -> Family:
    checkpoint.make(folder, size, texts)
    return Llava.load(str(folder), None, torch.float32, "cpu", None, "true")


if __name__ == "__main__":
    main()
