"""What dtype, batch size and placement do to captured rows and answers."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.gpu.bench import NEW_TOKENS, Bench
from benchmarks.gpu.sections import Found
from benchmarks.ours import about, answers
from benchmarks.report import Agreement, table
from lmms_vg.attention import self_check
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.session import Sessions
from lmms_vg.experiments.boxed_questions import questions
from lmms_vg.inference.question import Question, prepare
from lmms_vg.methods.plain import Plain
from lmms_vg.models import Family
from lmms_vg.models.llava import Llava

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
#: Questions of which rows are compared, and the larger batch size.
ROWS, BATCH = 4, 8


class Seen(NamedTuple):
    """What one model shows: rows per question (layers, H, N), and its answers at batch size 1 and `BATCH`."""

    rows: list[Tensor]
    alone: list[str]
    batched: list[str]


def dtypes(bench: Bench, count: int) -> Found:
    """The checkpoint, and the embedded trained model, in each dtype against fp32.

    Args:
        bench: the random checkpoint. Its attention is sharp and its answers are close calls, so it shows the worst case; the
            demo model, small but trained, shows what becomes of answers that mean something.
        count: questions about each.
    """
    asked = [about(entry, text, NEW_TOKENS) for entry in bench.images for text in entry.questions][:count]
    models = {"random": (str(bench.folder), asked), "embedded": ("demo", questions("vgmed_demo", count))}
    rows, agreements, checks = [], [], []
    for name, (pretrained, mine) in models.items():
        exact: Seen | None = None
        for dtype in DTYPES:
            kind = f"{name}, {str(dtype).removeprefix('torch.')}"
            family = _load(pretrained, dtype, bench.device, None)
            checks.append((kind, _checked(family)))
            seen = look(family, mine)
            exact = exact or seen
            del family
            if dtype != torch.float32:
                rows.append((f"{kind} and float32", *_spread(seen, exact)))
                agreements.append(Agreement.of(f"{kind} and float32", _pairs(seen.alone, exact.alone)))
            agreements.append(Agreement.of(f"{kind}, batch {BATCH} and batch 1", _pairs(seen.batched, seen.alone)))
    head = ("captured rows", "median distance", "99% below", "largest")
    return Found(
        f"n = {count} questions to each model, rows of {min(ROWS, count)} of them. Distance: half the sum of absolute "
        "differences of the attention over the image's tokens, scaled to sum 1, per layer and head; 0 is equal, 1 disjoint.\n\n"
        + "\n\n".join(
            [
                table(head, rows),
                table(("answers", "the same", "different ones"), (agreement.row() for agreement in agreements)),
                table(("load check", "our logits differ from the checkpoint's own forward pass by"), checks),
            ]
        ),
        {"n": count, "distances": rows, "agreements": [asdict(agreement) for agreement in agreements], "load": checks},
    )


def placement(bench: Bench, count: int) -> Found:
    """The checkpoint placed by accelerate against the same on one device: with several GPUs it is spread over all of them."""
    asked = [about(entry, text, NEW_TOKENS) for entry in bench.images for text in entry.questions][:count]
    whole = look(bench.family, asked)
    name = "balanced" if torch.cuda.device_count() > 1 else "auto"
    family = _load(str(bench.folder), bench.dtype, bench.device, name)
    devices = sorted({str(weight.device) for weight in family.model.parameters()})
    seen = look(family, asked)
    agreement = Agreement.of(f"device_map={name} and device={bench.device}", _pairs(seen.alone, whole.alone))
    only = "" if len(devices) > 1 else " (with one device nothing is spread; run this where there are two)"
    return Found(
        f"n = {count} questions; device_map={name} puts the model on {', '.join(devices)}{only}. Largest distance of captured "
        f"rows: {_spread(seen, whole)[-1]}\n\n{table(('answers', 'the same', 'different ones'), [agreement.row()])}",
        {"n": count, "devices": devices, "agreements": [asdict(agreement)]},
    )


def look(family: Family, asked: Sequence[Question]) -> Seen:
    """Captured rows of the first questions, and all answers."""
    alone, batched = (answers(family, [Plain()], asked, batch_size) for batch_size in (1, BATCH))
    return Seen([_rows(family, question) for question in asked[:ROWS]], alone, batched)


@torch.no_grad()
def _checked(family: Family) -> str:
    """What the load check says of a freshly loaded model, relative."""
    try:
        return "{:.1e} (allowed {:.1e})".format(*self_check.compare(family, self_check.probe(family)))
    except self_check.Deviation as deviation:
        return f"too much: {deviation}"


@torch.no_grad()
def _rows(family: Family, question: Question) -> Tensor:
    """(layers, H, N) attention of the last prompt token to the image."""
    form = prepare(family, question, ("last",), boxes=False)
    batch = Batch.open(Sessions(family), [form.prompt], [form.reference])
    return torch.stack([maps[0].float().cpu() for _, maps in sorted(batch.unedited.maps("last").items())])


def distances(rows: Tensor, others: Tensor) -> Tensor:
    """Total variation between the distributions over the last dimension, in 0..1."""
    first, second = (values / values.sum(-1, keepdim=True).clamp_min(1e-30) for values in (rows, others))
    return (first - second).abs().sum(-1) / 2


def _spread(seen: Seen, other: Seen) -> tuple[str, str, str]:
    every = torch.cat([distances(a, b).flatten() for a, b in zip(seen.rows, other.rows, strict=True)])
    return tuple(f"{every.quantile(q).item():.2g}" for q in (0.5, 0.99, 1.0))  # type: ignore[return-value]


def _pairs(texts: Sequence[str], others: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(texts, others, strict=True))


def _load(pretrained: str, dtype: torch.dtype, device: str, device_map: str | None) -> Family:
    gc.collect()
    if device != "cpu":
        torch.cuda.empty_cache()
    return Llava.load(pretrained, None, dtype, device, device_map, "true")
