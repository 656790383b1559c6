"""Model-FLOPs utilisation of the prefill: how much of the card's peak goes into operations that the model needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from transformers import AutoConfig

from benchmarks.gpu import flops
from benchmarks.gpu.bench import Bench
from benchmarks.gpu.sections import Found
from benchmarks.ours import about
from benchmarks.report import table
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.session import Sessions
from lmms_vg.inference.question import Prepared, prepare

#: Images at once in the second row of each path.
IMAGES = 8


class Prefill(NamedTuple):
    """One measured prefill: what ran, the operations it needs, and how to run it."""

    name: str
    operations: int
    run: Callable[[], object]


def measure(bench: Bench, card: str) -> Found:
    """The prefill of the stock model and of ours."""
    peak = flops.peak(card, bench.dtype)
    stated = (
        f"{card}: {peak / 1e12:.0f} TFLOP/s in {bench.dtype_name}, dense, by its data sheet"
        if peak
        else f"{card} in {bench.dtype_name}: its peak is not in the table (benchmarks/gpu/flops.py), so there is no utilisation"
    )
    rows, numbers = [], {}
    for name, operations, run in [*_ours(bench), *_stock(bench)]:
        seconds = bench.seconds(run)
        achieved = operations / seconds
        share = f"{achieved / peak:.1%}" if peak else "-"
        rows.append((name, f"{operations / 1e12:.3g}", f"{seconds * 1e3:.1f}", f"{achieved / 1e12:.3g}", share))
        numbers[name] = {"operations": operations, "seconds": seconds, "utilisation": achieved / peak if peak else None}
    head = ("prefill", "TFLOP needed", "ms, best of 3", "TFLOP/s", "utilisation")
    formula = (
        "Utilisation = operations that the model needs / seconds / peak (the operations: benchmarks/gpu/flops.py)."
    )
    return Found(f"{stated}. {formula}\n\n{table(head, rows)}", {"peak": peak, "prefills": numbers})


def _ours(bench: Bench) -> list[Prefill]:
    many, images = bench.per_image, min(IMAGES, len(bench.images))
    alone, apart, shared = _asked(bench, 1, 1), _asked(bench, images, 1), _asked(bench, 1, many)
    return [
        Prefill("lmms_vg, 1 image, 1 question", _needed(bench, alone, 1), _prefill(bench, alone)),
        Prefill(f"lmms_vg, {images} images, 1 question each", _needed(bench, apart, images), _prefill(bench, apart)),
        Prefill(f"lmms_vg, 1 image, its {many} questions at once", _needed(bench, shared, 1), _prefill(bench, shared)),
    ]


def _stock(bench: Bench) -> list[Prefill]:
    prefills = []
    for count in (1, min(IMAGES, len(bench.images))):
        asked = _asked(bench, count, 1)
        prefills.append(Prefill(f"stock forward, batch {count}", _needed(bench, asked, count), _forward(bench, count)))
    return prefills


def _asked(bench: Bench, images: int, questions: int) -> list[Prepared]:
    family, chosen = bench.family, bench.images[:images]
    return [
        prepare(family, about(entry, text, 1), ("last",), boxes=False)
        for entry in chosen
        for text in entry.questions[:questions]
    ]


def _needed(bench: Bench, asked: Sequence[Prepared], images: int) -> int:
    """Operations for the prefixes of the images, and for the tokens behind them of each question."""
    config = AutoConfig.from_pretrained(bench.folder)
    text = config.text_config
    prefix = asked[0].prompt.prefix
    behind = sum(flops.text(text, len(form.prompt.input_ids) - prefix, prefix) + flops.head(text) for form in asked)
    return images * (flops.image(config) + flops.text(text, prefix)) + behind


def _prefill(bench: Bench, asked: Sequence[Prepared]) -> Callable[[], object]:
    prompts, everything = [form.prompt for form in asked], 2**40  # questions about one image share its prefix

    @torch.no_grad()
    def run() -> object:
        return Batch.open(Sessions(bench.family, everything), prompts, prompts).prefill()

    return run


def _forward(bench: Bench, count: int) -> Callable[[], object]:
    model, processor = bench.loop.model, bench.loop.processor
    chosen = bench.images[:count]
    inputs = processor(
        images=[[entry.open()] for entry in chosen],
        text=[bench.loop.prompt(entry.questions[0]) for entry in chosen],
        padding=True,
        padding_side="left",
        return_tensors="pt",
    ).to(model.device, model.dtype)

    @torch.inference_mode()
    def run() -> object:
        return model(**inputs, logits_to_keep=1)

    return run
