"""Draw organs' boxes on the patches of every family, and measure maps of random weights on them.

    PYTHONPATH=tests/helpers python -m benchmarks.organs ../shared/data/sam_med2d_demo docs/images

The folder is in the layout of SAM-Med2D's `data_demo`. Each family gets tiny random weights behind its true image sizes, tiles
and patches. It is asked where every organ is, and 40 questions of VQA-RAD. One picture of each family shows that box and
patches lie on the organ. Attention of random weights has not learnt where organs are, so its AR should be 1. Weights are drawn
several times, because the maps of one draw resemble each other. The interval draws whole draws.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import tiny
import tiny_families
import torch
from checkpoints import edit
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_vila import VilaParts

from benchmarks.questions import TAIL, choose
from examples.real_slices import LOCALIZATION, boxes_of
from lmms_vg import load
from lmms_vg._util.atomic_files import replace_file
from lmms_vg.inference.look import Look
from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.runs.plots.overlay import Panel, draw_overlay

DRAWS, TOKENS = 8, 4
SHOWN = ("s0114_111", "vertebrae T9")
CLIP: dict[str, Any] = {"side": 336, "patch": 14, "longest": 2048}


#: Family -> a function that writes tiny weights of its true layout into a folder.
LAYOUTS: dict[str, Callable[[Path], object]] = {
    "huatuo": partial(tiny.save, kind="qwen2", **CLIP),
    "internvl": partial(tiny_families.internvl, "qwen2", side=448),
    "llava": partial(tiny.save, kind="llama", **CLIP),
    "llava_med": lambda folder: _begun(tiny.save(folder, "mistral", **CLIP)),
    "llava_next": partial(tiny_families.llava_next, "llama", side=336),
    "medgemma": partial(tiny_families.gemma, 1024, side=896, grain=56),
    "qwen_vl": partial(tiny_families.qwen, "qwen2_5_vl"),
    "vila_m3": VilaParts(side=384, patch=14).save,
}


def _begun(folder: Path) -> None:
    """State a begin-of-text token, without which LLaVA-Med's family takes no tokenizer."""
    edit(folder, "tokenizer_config.json", {"bos_token": "<pad>"})


def main() -> None:
    """Print a row of each family as soon as it is measured."""
    source, out = map(Path, sys.argv[1:3])
    names = sys.argv[3:] or list(LAYOUTS)
    boxes = [row | {"image": image} for image in sorted((source / "images").glob("*.png")) for row in _boxes(image)]
    print("| family | patches | questions of VQA-RAD answered | boxes x draws | AR | 95% interval |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for name in names:
        with TemporaryDirectory() as scratch:
            print(f"| {_row(name, boxes, Path(scratch), out)} |", flush=True)


def _boxes(image: Path) -> list[dict[str, Any]]:
    return list(boxes_of(image, image.parents[1] / "masks"))


def _row(name: str, boxes: list[dict[str, Any]], scratch: Path, out: Path) -> str:
    folder = scratch / "checkpoint"
    folder.mkdir()
    LAYOUTS[name](folder)
    answered, looks = 0, []
    for seed in range(DRAWS):
        _draw_weights(folder, seed)
        with load(name, pretrained=str(folder), dtype="float32", device="cpu") as model:
            ask = partial(model.ask, max_new_tokens=TOKENS)
            looks.append([ask(row["image"], LOCALIZATION.format(row["label"]) + TAIL, row["bbox"]) for row in boxes])
            if seed == 0:
                answered = sum(_answers(ask, scratch))
                shown = next(i for i, row in enumerate(boxes) if (row["image"].stem, row["label"]) == SHOWN)
                replace_file(out / f"organ_{name}.png", _picture(name, looks[0][shown]))
    ratios = np.array([[look.alignment.ar.mean() for look in drawn if look.alignment] for drawn in looks])
    low, high = cluster_interval(ratios.ravel().tolist(), np.repeat(range(DRAWS), len(boxes)).tolist())
    views = {f"{look.site.view.rows} x {look.site.view.cols}" for look in looks[0]}
    cells = f"`{name}`", ", ".join(sorted(views)), answered, f"{len(boxes)} x {DRAWS}"
    return " | ".join([*map(str, cells), f"{ratios.mean():.3f}", f"{low:.3f} to {high:.3f}"])


def _draw_weights(folder: Path, seed: int) -> None:
    """Draw all matrices anew, large enough for attention to be far from even."""
    generator = torch.Generator().manual_seed(seed)
    for path in sorted(folder.rglob("*.safetensors")):
        weights = load_file(path)
        for tensor in weights.values():
            if tensor.ndim > 1:
                tensor.normal_(std=1.5 / tensor[0].numel() ** 0.5, generator=generator)
        save_file(weights, path, metadata={"format": "pt"})


def _answers(ask: Callable[[Path, str], Look], scratch: Path) -> list[bool]:
    """Whether each of 40 questions about 20 images has a map without holes."""
    chosen, _ = choose(20, 2, scratch)
    looks = [ask(asked.image, question + TAIL) for asked in chosen for question in asked.questions]
    return [bool(np.isfinite(look.lifts).all()) for look in looks]


def _picture(name: str, look: Look) -> bytes:
    """Draw the box, the patches that count as in it, and the map of a middle layer."""
    site = look.site
    even = np.zeros_like(site.mask, dtype=float)
    rows, cols = site.mask.shape
    counted = Panel(f"{name}: {site.mask.sum()} of {rows} x {cols}\npatches touch the box", site.view, even, site.mask)
    title = site.question.removesuffix(TAIL)
    with Image.open(
        BytesIO(draw_overlay(site.image, site.boxes, [counted, look.panel(name="random")], title))
    ) as drawn:
        small = (
            drawn.convert("RGB")
            .resize((900, round(900 * drawn.height / drawn.width)))
            .quantize(96, dither=Image.Dither.NONE)
        )
    data = BytesIO()
    small.save(data, "PNG", optimize=True)
    return data.getvalue()


if __name__ == "__main__":
    main()
