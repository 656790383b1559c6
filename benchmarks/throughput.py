"""The speed of lmms_vg's VGRefine, compared with lmms-eval's wrapper, a plain three-pass VGRefine, and our own plain path.

    python -m benchmarks.throughput            # six to seven minutes on two idle cores
    python -m benchmarks.throughput --quick    # a tiny model: shows that it works, says nothing about speed

All contestants load the same random-weight LLaVA and answer the same questions about the same images with the same number of
new tokens. The three-pass baseline costs the same for every question, so it is asked only some of them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")  # every path has its own progress bar
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch

from benchmarks import checkpoint, contest, heads, questions
from benchmarks.checkpoint import Size
from benchmarks.contest import Contestant, Result
from benchmarks.eager_vgrefine import EagerVGRefine
from benchmarks.llava_hf import LlavaHf, decord_is_a_stub
from benchmarks.ours import Ours, WeighedVGRefine
from benchmarks.questions import Asked
from benchmarks.report import Agreement, Ratio, Report
from lmms_vg.journal.provenance import versions
from lmms_vg.methods.plain import Plain
from lmms_vg.models.llava import Llava

#: The paper's percentile.
PERCENTILE = 50.0
#: Least number of questions per image for which VGRefine must keep up with the plain path.
SHARED = 4

LLAVA_HF, EAGER = "lmms-eval llava_hf, plain", "VGRefine in three eager passes"
PLAIN, VGREFINE = "lmms_vg plain, {} questions per image", "lmms_vg VGRefine, {} questions per image"


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse and check the arguments."""
    size = Size()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.throughput",
        description="Throughput and memory of VGRefine against the alternatives, in one run.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--images", type=int, default=3, help="number of images")
    add("--questions-per-image", type=int, default=7, help="most VQA-RAD images have 7")
    add("--eager-questions", type=int, default=2, help="of these, asked of the three-pass baseline")
    add("--new-tokens", type=int, default=4, help="tokens generated per answer")
    add("--repeats", type=int, default=1, help="passes over all images")
    add("--layers", type=int, default=size.layers, help="layers of the text model")
    add("--hidden", type=int, default=size.hidden, help="width of the text model, a multiple of 64")
    add("--dtype", choices=["float32", "bfloat16"], default="float32", help="type of weights and activations")
    add("--quick", action="store_true", help="tiny sizes, whatever else is given: a smoke test")
    add("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args(argv)
    for name, value in vars(options).items():
        if isinstance(value, int) and not isinstance(value, bool) and value < 1:
            parser.error(f"--{name.replace('_', '-')} {value}: allowed is a positive integer")
    if options.hidden % 64:
        parser.error(f"--hidden {options.hidden}: allowed is a multiple of 64")
    options.eager_questions = min(options.eager_questions, options.questions_per_image)
    if options.quick:
        vars(options).update(images=1, questions_per_image=5, eager_questions=2, repeats=1, layers=6, hidden=128)
    return options


def run(folder: Path, layers_and_heads: tuple[int, int], images: list[Asked], options: argparse.Namespace) -> Report:
    """Load all contestants, let them answer, compare."""
    dtype, tokens = getattr(torch, options.dtype), options.new_tokens
    chosen, layer = heads.in_proportion(*layers_and_heads)
    family = Llava.load(str(folder), None, dtype, "cpu", None, "true")
    vgrefine = WeighedVGRefine(heads=chosen, layers=(layer,), k=len(chosen), p=PERCENTILE)
    eager = EagerVGRefine(folder, chosen, layer, PERCENTILE, dtype, tokens)
    shares = sorted({options.questions_per_image, min(SHARED, options.questions_per_image)}, reverse=True)
    everyone = {
        LLAVA_HF: Contestant(LlavaHf(folder, options.dtype, tokens), options.questions_per_image),
        EAGER: Contestant(eager, options.eager_questions),
    }
    for shared in shares:
        everyone[PLAIN.format(shared)] = Contestant(Ours(family, [Plain()], tokens), shared)
        everyone[VGREFINE.format(shared)] = Contestant(Ours(family, [vgrefine], tokens), shared)

    results = contest.hold(everyone, contest.one_by_one(images, options.repeats))
    plain, refined = results[PLAIN.format(shares[0])], results[VGREFINE.format(shares[0])]
    captured, attention = max(vgrefine.captured), eager.attention_bytes
    memory = f"captured / attention tensors ({captured / 1e6:.2f} MB / {attention / 1e6:.1f} MB)"
    return Report(
        setup={"VGRefine": f"{len(chosen)} heads up to layer {max(chosen)[0]}, knockout in {layer}, p={PERCENTILE:g}"},
        seconds={name: result.seconds for name, result in results.items()},
        ratios=[*_ratios(results, shares), Ratio(memory, captured / attention, 0.01)],
        agreements=[
            Agreement.of("lmms_vg plain and llava_hf", plain.common(results[LLAVA_HF])),
            Agreement.of("lmms_vg VGRefine and the three eager passes", refined.common(results[EAGER])),
            Agreement.of("lmms_vg plain and VGRefine (knockout should change some)", plain.common(refined)),
        ],
    )


def _ratios(results: dict[str, Result], shares: list[int]) -> list[Ratio]:
    refined = {shared: results[VGREFINE.format(shared)] for shared in shares}
    most = refined[shares[0]]
    return [
        *(
            Ratio(f"VGRefine / lmms_vg plain, {n} questions per image", result.times(results[PLAIN.format(n)]), 1.25)
            for n, result in refined.items()
        ),
        Ratio("VGRefine / llava_hf plain", most.times(results[LLAVA_HF]), 0.45),
        Ratio("three eager passes / VGRefine", results[EAGER].times(most), 8, at_most=False),
    ]


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark and print its report."""
    options = parse(argv)
    tiny = {"vocabulary": 4096, "vision_layers": 2, "vision_hidden": 128, "image": 112} if options.quick else {}
    size = Size(options.layers, options.hidden, **tiny)
    with tempfile.TemporaryDirectory(prefix="lmms_vg_benchmark_") as scratch:
        folder = Path(scratch)
        images, origin = questions.choose(options.images, options.questions_per_image, folder)
        parameters = checkpoint.make(folder, size, [text for asked in images for text in asked.questions])
        results = run(folder, (size.layers, size.heads), images, options)
    setup = {
        "parameters": ", ".join(f"{count / 1e6:.1f} M {part}" for part, count in parameters.items()) + ", random",
        "text model": f"{size.layers} layers, {size.heads} heads, {size.hidden} wide; {size.image_tokens} image tokens",
        **results.setup,
        "images": f"{len(images)} of {origin}, {options.repeats} x",
        "n": f"{len(images) * options.questions_per_image} questions, {len(images) * options.eager_questions} of them "
        f"for the eager passes; {options.new_tokens} new tokens each; batch size 1",
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {options.dtype}",
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
        "llava_hf": "needs decord, " + ("a stub here" if decord_is_a_stub() else "installed"),
    }
    report = replace(results, setup=setup, judged=not options.quick)
    print(report.markdown())
    if options.json:
        options.json.write_text(json.dumps(report.json(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
