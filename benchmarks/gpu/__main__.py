"""Everything about speed and numbers that only a GPU can show, in one command of nine minutes.

    python -m benchmarks.gpu                       # one H100-class card, 7B in bfloat16
    python -m benchmarks.gpu --device cpu --quick  # a tiny model: shows that it works, says nothing about speed

The model has HuatuoGPT-Vision-7B's true shape and random weights, made on the spot. Images and questions are VQA-RAD's if
`LMMS_VG_SHARED_DATA` names a folder that holds it, noise otherwise. "wanted" are marks, never results.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from loguru import logger

from benchmarks import checkpoint, questions
from benchmarks.checkpoint import HUATUO_7B, Size
from benchmarks.gpu import idle, methods, precision, prefill, speed
from benchmarks.gpu.bench import Bench
from benchmarks.gpu.sections import Found, Sections
from benchmarks.report import table
from lmms_vg.extensions.registered import families
from lmms_vg.inference.build import together
from lmms_vg.journal.provenance import versions

TINY = Size(3, 128, 1024, vision_layers=2, vision_hidden=128, image=56)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse and check the arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--device", choices=["cuda", "cpu"], default="cuda", help="cpu only with --quick")
    add("--quick", action="store_true", help="a tiny model and few questions: a smoke test")
    add("--batch-sizes", default="1,auto", help="values of batch_size in --model_args, joined by commas")
    add("--minutes", type=float, default=9, help="no section starts after this time")
    add("--json", type=Path, help="also write the numbers to this file, after every section")
    options = parser.parse_args(argv)
    if "llava" not in families():
        parser.error(
            "lmms_vg has to be installed, since its families and methods are entry points: pip install --no-deps ."
        )
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: torch finds no CUDA device; to try the command: --device cpu --quick")
    if options.device == "cpu" and not options.quick:
        parser.error("--device cpu: allowed is only --device cpu --quick; the 7B model would take hours")
    return options


def card_of(device: str) -> str:
    """The name of the card, or of the processor."""
    return torch.cuda.get_device_name() if device == "cuda" else f"no GPU ({platform.machine()})"


def setup(card: str, origin: str, images: int, size: Size, dtype: torch.dtype) -> Found:
    """What is run on what."""
    facts = {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "card": card,
        "driver": _driver(),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
        "CUDA of torch": torch.version.cuda or "none",
        "threads": str(torch.get_num_threads()),
        "model": f"random weights, {str(dtype).removeprefix('torch.')}; {size.layers} layers, {size.heads} heads, "
        f"{size.hidden} wide, vocabulary {size.vocabulary}; {size.image_tokens} image tokens",
        "images": f"{images} of {origin}",
    }
    return Found(table(("setup", ""), facts.items()), facts)


def weights(bench: Bench) -> Found:
    """Make the checkpoint, and load it as `--model_args` would."""
    texts = [text for entry in bench.images for text in entry.questions]
    counts = checkpoint.make(bench.folder, bench.size, texts, dtype=bench.dtype, device=bench.device)
    parameters = ", ".join(f"{count / 1e6:.1f} M {part}" for part, count in counts.items())
    sizes = ", ".join(map(str, bench.batchings))
    return Found(
        "\n\n".join([f"{parameters}; batch sizes: {sizes}", *bench.notes]), {"parameters": counts, "notes": bench.notes}
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Measure section after section."""
    options = parse(argv)
    logger.remove()  # lmms-eval's goes to stdout, where the report is
    logger.add(sys.stderr, level="WARNING")
    sections = Sections(options.minutes * 60, options.json)
    dtype = torch.bfloat16 if options.device == "cuda" else torch.float32
    size, count, at_once, per_image = (TINY, 2, 2, 2) if options.quick else (HUATUO_7B, 24, 8, 7)
    with tempfile.TemporaryDirectory(prefix="lmms_vg_benchmark_") as scratch, together([], []):
        os.environ["LMMS_VG_HOME"] = f"{scratch}/home"
        images, origin = questions.choose(count, per_image, Path(scratch))
        card = card_of(options.device)
        sections.run("Setup", partial(setup, card, origin, count, size, dtype))
        folder = Path(scratch) / "checkpoint"
        given = options.batch_sizes.split(",")
        bench = Bench(folder, size, images, options.device, dtype, at_once, given, judged=not options.quick)
        measure(sections, bench, card)


def measure(sections: Sections, bench: Bench, card: str) -> None:
    """All sections, the most important first; the stock model goes before models in further dtypes come."""
    run, many, few = sections.run, bench.per_image, 14 if bench.judged else 2
    half = (len(bench.images) + 1) // 2
    run("Weights", partial(weights, bench))
    run(f"Speed, {many} questions an image", lambda: speed.compare(bench, many, bench.rounds(3), sections.until(0.45)))
    run("Prefill", partial(prefill.measure, bench, card))
    run("Idle GPU", partial(idle.measure, bench))
    run(
        "Speed, 1 question an image",
        lambda: speed.compare(bench, 1, bench.rounds(2, half), sections.until(0.6)),
    )
    run("vLLM", lambda: methods.vllm(bench, bench.rounds(2), sections.until(0.75)))
    bench.drop_stock()
    run("Numbers by dtype and batch", lambda: precision.dtypes(bench, few))
    run("device_map", lambda: precision.placement(bench, few))
    run("Every method", lambda: methods.every(bench, bench.rounds(1, 2 if bench.judged else 1)))
    states = [
        f"{name}: {section['state']}" for name, section in sections.done.items() if section["state"] != "measured"
    ]
    print("## End\n\n" + ("\n".join(states) or "Every section was measured."), flush=True)


def _driver() -> str:
    if not shutil.which("nvidia-smi"):
        return "none found"
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split("\n")[0] or "not said"


if __name__ == "__main__":
    main()
