"""A batch of two questions about two images on a tiny model, and the same answers computed the slow way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tiny
import torch
from naive import naive
from pixels import pixels_of
from torch import Tensor

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.attention.session import Sessions
from lmms_vg.models import Family, Prompt
from lmms_vg.vision.images import open_picture

TAIL = "Answer the question using a single word or phrase."
TEXTS = [f"Where is the nodule?\n{TAIL}", f"Is the large cyst in the upper left bright or dark?\n{TAIL}"]
REFERENCE = f"Write a general description of the image.\n{TAIL}"
#: Answer tokens fed to decode steps, whatever the model would say.
ANSWER = [7, 9, 11, 13]

#: (layer, scores or weights (1, H, T, T), number of prompt tokens) -> the same, changed.
Change = Callable[[int, Tensor, int], Tensor]


def ask(family: Family, texts: Sequence[str] = TEXTS, seeds: Sequence[int] = (1, 2), **observed: Any) -> Batch:
    """Questions of different length in one batch, each with its reference prompt; equal seeds give the same image.

    `observed` holds arguments of `Batch.open`.
    """
    pictures = [open_picture(tiny.picture(seed)) for seed in seeds]
    prompts = [family.prompt([picture, text]) for picture, text in zip(pictures, texts, strict=True)]
    references = [family.prompt([picture, REFERENCE]) for picture in pictures]
    sums = "all" in observed.get("watched", ())
    return Batch.open(Sessions(family, sums=sums), prompts, references, **observed)


def alone(family: Family, prompt: Prompt, reference: Prompt | None = None, **observed: Any) -> Batch:
    """A batch of one question."""
    return Batch.open(Sessions(family), [prompt], [reference or prompt], **observed)


def in_full_passes(
    family: Family, prompt: Prompt, before: Change | None = None, after: Change | None = None
) -> list[Tensor]:
    """Logits before each token of `ANSWER`, without a cache: every step is a full pass over whole matrices.

    A change sees rows after the prompt only if they are decode steps.
    """
    tokens, logits = prompt.input_ids.tolist(), []
    length = len(tokens)

    def at(change: Change | None) -> Any:
        return None if change is None else lambda layer, values: change(layer, values, length)

    pixels = {} if not prompt.images else {"pixel_values": pixels_of(prompt)}
    for token in ANSWER:
        with naive(family.model, at(before), at(after)):
            logits.append(family.model(input_ids=torch.tensor([tokens]), **pixels).logits[0, -1])
        tokens.append(token)
    return logits


def in_steps(answering: Pass) -> list[Tensor]:
    """Logits (B, vocabulary) before each token of `ANSWER`."""
    logits = [answering.logits]
    for token in ANSWER[:-1]:
        answering.step(torch.tensor([token] * len(answering.layout)))
        logits.append(answering.logits)
    return logits


def assert_same(steps: list[Tensor], expected: Sequence[list[Tensor]], tolerance: float = 1e-4) -> None:
    """Check every row's first token and three decode steps, within `tolerance` (absolute and relative)."""
    for row, ones in enumerate(expected):
        for step, logits in zip(steps, ones, strict=True):
            torch.testing.assert_close(step[row], logits, atol=tolerance, rtol=tolerance)
