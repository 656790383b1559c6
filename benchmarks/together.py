"""The gain from sharing: five methods at once compared with one plain run of lmms-eval, and a sweep with one VGRefine run.

    python -m benchmarks.together            # about six minutes on two idle cores
    python -m benchmarks.together --quick    # a tiny model: shows that it works, says nothing about speed

Model, images and questions are those of `benchmarks.throughput`.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch

from benchmarks import checkpoint, contest, heads, questions
from benchmarks.checkpoint import Size
from benchmarks.contest import Contestant
from benchmarks.llava_hf import LlavaHf
from benchmarks.ours import Ours
from benchmarks.questions import Asked
from benchmarks.report import Agreement, Ratio, Report
from lmms_vg.journal.provenance import versions
from lmms_vg.methods import METHODS, Method
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models.checkpoint import Shape
from lmms_vg.models.llava import Llava

#: Questions per image, as for most images of VQA-RAD.
PER_IMAGE = 7
NEW_TOKENS = 4
#: Methods that use the image's own prefix.
FIVE = ("plain", "vgrefine", "pai", "adaptvis", "attention_lens")

LLAVA_HF, PLAIN, VGREFINE = "lmms-eval llava_hf, plain", "lmms_vg plain", "lmms_vg VGRefine"
TOGETHER = f"lmms_vg {', '.join(FIVE)} together"
SWEEP, WITH_PLAIN = "lmms_vg VGRefine, the 14 settings of Table 4", "the same and plain, as lmms-vg sweep runs them"


def table_4(vgrefine: VGRefine) -> list[Method]:
    """The paper's ablation: seven values of K at p = 50 and seven of p at K = 20; they have one setting in common."""
    settings = [replace(vgrefine, k=min(k, len(vgrefine.heads))) for k in (1, 2, 5, 8, 10, 15, 20)]
    return [*settings, *(replace(vgrefine, p=float(p)) for p in range(30, 100, 10))]


def run(folder: Path, size: Size, images: list[Asked], per_image: int) -> Report:
    """Load all contestants, let them answer, compare."""
    family = Llava.load(str(folder), None, torch.float32, "cpu", None, "true")
    chosen, layer = heads.in_proportion(size.layers, size.heads)
    vgrefine = VGRefine(heads=chosen, layers=(layer,), k=len(chosen))
    shape = Shape(str(folder), size.layers, size.heads, {})
    five = [vgrefine if name == "vgrefine" else METHODS[name].for_checkpoint(shape) for name in FIVE]
    grid: list[Method] = list(dict.fromkeys([vgrefine, *table_4(vgrefine)]))
    everyone = {
        LLAVA_HF: Contestant(LlavaHf(folder, "float32", NEW_TOKENS), per_image),
        PLAIN: Contestant(Ours(family, [Plain()], NEW_TOKENS), per_image),
        VGREFINE: Contestant(Ours(family, [vgrefine], NEW_TOKENS), per_image),
        TOGETHER: Contestant(Ours(family, five, NEW_TOKENS), per_image),
        SWEEP: Contestant(Ours(family, grid, NEW_TOKENS), per_image),
        WITH_PLAIN: Contestant(Ours(family, [*grid, Plain()], NEW_TOKENS), per_image),
    }
    results = contest.hold(everyone, contest.one_by_one(images))
    return Report(
        setup={"methods": "; ".join(map(repr, five))},
        seconds={name: result.seconds for name, result in results.items()},
        ratios=[
            Ratio(f"{len(FIVE)} methods together / llava_hf plain", results[TOGETHER].times(results[LLAVA_HF]), 1.0),
            Ratio("the 14 settings of Table 4 / one VGRefine run", results[SWEEP].times(results[VGREFINE]), 5.0),
            Ratio("the same and plain / one VGRefine run", results[WITH_PLAIN].times(results[VGREFINE]), 5.0),
        ],
        agreements=[
            Agreement.of("plain among five and alone", results[TOGETHER].common(results[PLAIN])),
            Agreement.of("VGRefine in the sweep and alone", results[SWEEP].common(results[VGREFINE])),
        ],
    )


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.together", description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=3, help="number of images (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: a smoke test")
    options = parser.parse_args(argv)
    tiny = {"layers": 8, "hidden": 128, "vocabulary": 1024, "vision_layers": 2, "vision_hidden": 128, "image": 56}
    size, per_image = (Size(**tiny), 2) if options.quick else (Size(), PER_IMAGE)
    with tempfile.TemporaryDirectory(prefix="lmms_vg_benchmark_") as scratch:
        folder = Path(scratch)
        images, origin = questions.choose(options.images, per_image, folder)
        parameters = checkpoint.make(folder, size, [text for asked in images for text in asked.questions])
        results = run(folder, size, images, per_image)
    setup = {
        "parameters": ", ".join(f"{count / 1e6:.1f} M {part}" for part, count in parameters.items()) + ", random",
        "images": f"{len(images)} of {origin}, {per_image} questions each, {NEW_TOKENS} new tokens, batch size 1",
        **results.setup,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, float32",
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
    }
    print(replace(results, setup=setup, judged=not options.quick).markdown())


if __name__ == "__main__":
    main()
