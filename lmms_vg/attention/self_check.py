"""A checkpoint's own forward is asked once: do its layers, driven one by one, give the logits that it gives itself?

Driving the layers (`attention/decoder.py`) leaves out whatever a text model's forward does besides: a multiplier on embeddings,
residuals or logits, a cap, positions of its own. Tests rule this out for the text models we know; the check rules it out for
the checkpoint that was loaded, with its true weights, dtype and devices.
"""

from __future__ import annotations

import time
from dataclasses import replace

import torch
from loguru import logger
from PIL import Image
from torch import Tensor
from transformers import DynamicCache

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.decoder import DEVICE_IS_GONE
from lmms_vg.attention.interface import install
from lmms_vg.attention.session import Sessions
from lmms_vg.models.base import Family, Prompt
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.vision.images import open_picture

#: What is asked: with an image on a GPU; on a CPU, where an image costs a 7B model minutes, the last tokens of this prompt.
TEXT = "What does the picture show?"
CPU_TOKENS = 16

#: Relative difference of logits (`distance`) that passes in any case: so much, and two units in the last place of the dtype.
NEGLIGIBLE = 1e-4

#: The most that rounding may explain, in units in the last place of the dtype: 4.7% in bfloat16, 0.6% in float16. Another
#: order of sums moves trained models by 2.0% in bfloat16, and a logit scale of 0.9 moves all by 10%, which must not pass.
MOST_UNITS = 6

#: Relative difference between one pass over a prompt and a pass that goes on behind its cached prefix. No rounding reaches
#: this: unrelated logits are 1.4 apart, and the most that bfloat16 did to a random model was 0.11.
PREFIX_DEPENDS = 0.5


class Deviation(ValueError):
    """Our path and the stock forward disagree, or one of them gives no logits."""


@torch.no_grad()
def self_check(family: Family, pretrained: str) -> None:
    """Hold our path to the stock forward; `family` is as it was loaded, and has our attention installed afterwards.

    Raises:
        CheckpointError: the two differ by more than rounding, the logits are not finite, or one of them fails.
    """
    started = time.perf_counter()
    try:
        deviation, allowed = compare(family, probe(family))
    except DEVICE_IS_GONE:
        raise  # no fault of the checkpoint's
    except Exception as problem:
        said = str(problem) if isinstance(problem, Deviation) else f"{type(problem).__name__}: {problem}"
        raise CheckpointError(
            f"pretrained={pretrained!r}: load check: {said}; self_check=false skips this"
        ) from problem
    logger.info(
        f"load check: our logits are {deviation:.1e} (relative) from those of the checkpoint's own forward; rounding explains "
        f"{allowed:.1e}; {time.perf_counter() - started:.2f} s"
    )


def probe(family: Family) -> Prompt:
    """The prompt that is asked: with a small image on a GPU, text of at most `CPU_TOKENS` tokens on a CPU."""
    if family.model.device.type != "cpu":
        return family.prompt([open_picture(Image.linear_gradient("L").resize((64, 64))), TEXT])
    prompt = family.prompt([TEXT])
    return replace(prompt, input_ids=prompt.input_ids[-CPU_TOKENS:], question=(0, 0))


def compare(family: Family, prompt: Prompt) -> tuple[float, float]:
    """How far our last-position logits are from the stock forward's, and how far rounding may carry them.

    The stock forward is asked as we ask: up to the end of the image, then the rest on its cache. Both then make the same steps
    in the same order, and rounding cancels (measured: to the last bit). Over the whole prompt at once the stock forward sums
    in another order; how far that moves its own logits is what rounding does to this very model, so that much passes, up to
    `MOST_UNITS`.

    Raises:
        Deviation: more than that, logits that are not finite, or a prefix that depends on what comes behind it.
    """
    whole = stock_logits(family, prompt, 0)
    if not whole.isfinite().all():
        raise Deviation(
            "the logits of its own forward are not finite (NaN or infinite); are the weights sound, does dtype=float32 help?"
        )
    continued = stock_logits(family, prompt, prompt.prefix) if prompt.prefix else whole
    rounding = distance(continued, whole)
    if not rounding <= PREFIX_DEPENDS:
        raise Deviation(
            f"its own forward gives other logits behind a cached prefix than over the whole prompt: {rounding:.2g} apart "
            f"(relative), allowed is {PREFIX_DEPENDS:g}; prefixes cannot be shared between questions"
        )
    unit = torch.finfo(family.model.dtype).eps
    allowed = max(NEGLIGIBLE, 2 * unit, min(rounding, MOST_UNITS * unit))
    ours = our_logits(family, prompt)
    deviation = distance(ours, continued)
    if not deviation <= allowed:
        raise Deviation(
            "its own forward does more than its layers do, which are driven one by one here: the logits are "
            f"{deviation:.2g} apart (relative), where rounding in {str(family.model.dtype).removeprefix('torch.')} explains "
            f"{allowed:.2g} (largest logit: {continued.max():.5g} of its own forward, {ours.max():.5g} here); answers would "
            "not be this model's"
        )
    return deviation, allowed


def stock_logits(family: Family, prompt: Prompt, cut: int) -> Tensor:
    """(vocabulary,) fp32 on the CPU: the stock forward behind the prompt, whose first `cut` tokens a pass before took."""
    model = family.model
    ids, inputs = prompt.input_ids.clone(), {}
    if prompt.pixel_values is not None:
        ids[ids == ids[prompt.image_tokens[0]]] = model.config.image_token_id  # ours may be any id
        inputs["pixel_values"] = prompt.pixel_values.to(model.device, model.dtype)
    cache = DynamicCache()
    for piece in (ids[:cut], ids[cut:]):
        if len(piece):
            piece = piece[None].to(model.device)
            output = model(input_ids=piece, past_key_values=cache, use_cache=True, logits_to_keep=1, **inputs)
            inputs = {}  # the first piece holds the image
    last: Tensor = output.logits[0, -1]
    return last.float().cpu()


def our_logits(family: Family, prompt: Prompt) -> Tensor:
    """(vocabulary,) fp32 on the CPU: the same by the code that answers questions, whose attention stays installed."""
    install(family.model)
    return Batch.open(Sessions(family), [prompt], [prompt]).prefill().logits[0].cpu()


def distance(logits: Tensor, reference: Tensor) -> float:
    """Relative difference of two logit vectors without their means: a constant added to all logits changes no probability."""
    reference = reference - reference.mean()
    difference = logits - logits.mean() - reference
    return float(difference.norm() / reference.norm().clamp_min(torch.finfo(torch.float32).tiny))
