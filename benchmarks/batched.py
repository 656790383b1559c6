"""VGRefine at batch size `auto` against our plain path and lmms-eval's wrapper, on a CPU: seven questions per image, and one.

    python -m benchmarks.batched            # about eight minutes on two idle cores
    python -m benchmarks.batched --quick    # a tiny model: shows that it works, says nothing about speed

The model, the images and the turns are those of `benchmarks.throughput`. A round asks about four images at once, so that
batches are full; `llava_hf` answers one question at a time, as it always does.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch

from benchmarks import checkpoint, contest, heads, questions
from benchmarks.checkpoint import Size
from benchmarks.contest import Contestant, Result
from benchmarks.llava_hf import LlavaHf
from benchmarks.ours import Ours
from benchmarks.report import Agreement, Ratio, Report
from lmms_vg.inference.batch_limit import MOST_ELSEWHERE
from lmms_vg.journal.provenance import versions
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models.llava import Llava

TINY = Size(4, 128, 1024, 2, 128, 56)
PERCENTILE = 50.0
PER_IMAGE = (7, 1)
#: Images of a round, also of the smoke test, and tokens of an answer.
IMAGES, FEW, TOKENS = 4, 2, 4
#: Questions per image -> VGRefine / llava_hf wanted.
WANTED = {7: 0.20, 1: 1.08}


def run(folder: Path, size: Size, rounds: Sequence[contest.Round]) -> dict[str, Result]:
    """Let all contestants answer all rounds."""
    chosen, layer = heads.in_proportion(size.layers, size.heads)
    family = Llava.load(str(folder), None, torch.float32, "cpu", None, "true")
    vgrefine = VGRefine(heads=chosen, layers=(layer,), k=len(chosen), p=PERCENTILE)
    everyone: dict[str, Contestant] = {}
    for number in PER_IMAGE:
        everyone[f"llava_hf, {number}"] = Contestant(LlavaHf(folder, "float32", TOKENS), number)
        for name, method in (("plain", Plain()), ("vgrefine", vgrefine)):
            everyone[f"{name}, {number}"] = Contestant(Ours(family, [method], TOKENS, "auto"), number)
    return contest.hold(everyone, rounds)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its report; returns 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batched", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2, help="rounds of four images (2)")
    parser.add_argument("--quick", action="store_true", help="a tiny model: a smoke test")
    args = parser.parse_args(argv)
    size, at_once = (TINY, FEW) if args.quick else (Size(), IMAGES)
    with tempfile.TemporaryDirectory(prefix="lmms_vg_benchmark_") as scratch:
        folder = Path(scratch)
        images, origin = questions.choose(at_once * args.rounds, max(PER_IMAGE), folder)
        checkpoint.make(folder, size, [text for asked in images for text in asked.questions])
        results = run(folder, size, [images[at : at + at_once] for at in range(0, len(images), at_once)])
    ratios, agreements = [], []
    for number in PER_IMAGE:
        plain, refined, host = (results[f"{name}, {number}"] for name in ("plain", "vgrefine", "llava_hf"))
        ratios += [
            Ratio(f"VGRefine / llava_hf, {number} per image", refined.times(host), WANTED[number]),
            Ratio(f"VGRefine / plain, {number} per image", refined.times(plain), 1.08),
        ]
        agreements.append(Agreement.of(f"plain and llava_hf, {number} per image", plain.common(host)))
    report = Report(
        setup={
            "images": f"{len(images)} of {origin}, {at_once} at once; {TOKENS} new tokens, batches of up to {MOST_ELSEWHERE}",
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, float32",
            "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
        },
        seconds={name: result.seconds for name, result in results.items()},
        ratios=ratios,
        agreements=agreements,
        judged=not args.quick,
    )
    print(report.markdown())
    return int(report.judged and not all(ratio.met for ratio in report.ratios))


if __name__ == "__main__":
    sys.exit(main())
