"""Load check: do the layers, run one by one, give the same logits as the checkpoint's own forward pass?

Running the layers (`attention/decoder.py`) skips whatever else a text model's forward pass does: a multiplier on embeddings,
residuals or logits, a cap, custom positions. Tests rule this out for the text models we know. The check rules it out for the
loaded checkpoint, with its real weights, dtype and devices.
"""

from __future__ import annotations

import time
from dataclasses import replace

import torch
from loguru import logger
from PIL import Image
from torch import Tensor
from torch.nn.attention import sdpa_kernel
from transformers import DynamicCache

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.decoder import DEVICE_IS_GONE
from lmms_vg.attention.interface import KERNELS, install
from lmms_vg.attention.session import Sessions
from lmms_vg.models.base import Family, Prompt
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.vision.images import open_picture

#: The text of the check. On a GPU an image goes with it; on a CPU, where an image costs a 7B model minutes, only the last
#: `CPU_TOKENS` tokens of the prompt are run.
TEXT = "What does the picture show?"
CPU_TOKENS = 16

#: Relative difference of logits (`distance`) that always passes: this, or two units in the last place of the dtype.
NEGLIGIBLE = 1e-4

#: Upper limit of what counts as rounding, in units in the last place of the dtype: 4.7% in bfloat16, 0.6% in float16.
#: Another order of sums moves trained models by 2.0% in bfloat16. A logit scale of 0.9 moves all by 10% and must not pass.
MOST_UNITS = 6

#: Relative difference between one pass over a prompt and a pass that continues after its cached prefix. Rounding does not
#: reach this: unrelated logits are 1.4 apart, and bfloat16 moved a random model by at most 0.11.
PREFIX_DEPENDS = 0.5


class Deviation(ValueError):
    """Our path and the stock forward pass disagree, or one of them gives no logits."""


@torch.no_grad()
def self_check(family: Family, pretrained: str) -> None:
    """Compare our path with the stock forward pass; this installs our attention in the freshly loaded `family`.

    Raises:
        CheckpointError: the two differ by more than rounding, the logits are not finite, or one of them fails.
    """
    started = time.perf_counter()
    try:
        deviation, allowed = compare(family, probe(family))
    except DEVICE_IS_GONE:
        raise  # not the checkpoint's fault
    except Exception as problem:
        reason = str(problem) if isinstance(problem, Deviation) else f"{type(problem).__name__}: {problem}"
        raise CheckpointError(
            f"pretrained={pretrained!r}: load check: {reason}; self_check=false skips this check"
        ) from problem
    logger.info(
        f"load check: our logits differ by {deviation:.1e} (relative) from the checkpoint's own forward pass; rounding "
        f"explains up to {allowed:.1e}; took {time.perf_counter() - started:.2f} s"
    )


def probe(family: Family) -> Prompt:
    """Return the prompt of the check: with a small image on a GPU, at most `CPU_TOKENS` tokens of text on a CPU."""
    if family.model.device.type != "cpu":
        return family.prompt([open_picture(Image.linear_gradient("L").resize((64, 64))), TEXT])
    prompt = family.prompt([TEXT])
    return replace(prompt, input_ids=prompt.input_ids[-CPU_TOKENS:], question=(0, 0))


def compare(family: Family, prompt: Prompt) -> tuple[float, float]:
    """Return the distance of our last-position logits from the stock ones, and the distance that rounding may explain.

    The stock forward pass runs as ours does: up to the end of the image, then the rest on its cache. Both take the same steps
    in the same order, so rounding cancels (measured: to the last bit). Over the whole prompt at once, the stock forward pass
    sums in another order. The distance this makes is the effect of rounding on this model, and it is allowed up to
    `MOST_UNITS`.

    Raises:
        Deviation: the distance is larger, logits are not finite, or a prefix depends on the tokens after it.
    """
    whole = stock_logits(family, prompt, 0)
    if not whole.isfinite().all():
        raise Deviation(
            "the logits of its own forward pass are not finite (NaN or infinite); check the weights, or try dtype=float32"
        )
    continued = stock_logits(family, prompt, prompt.prefix) if prompt.prefix else whole
    rounding = distance(continued, whole)
    if not rounding <= PREFIX_DEPENDS:
        raise Deviation(
            f"its own forward pass gives other logits after a cached prefix than over the whole prompt: {rounding:.2g} apart "
            f"(relative), allowed is {PREFIX_DEPENDS:g}; prefixes cannot be shared between questions"
        )
    unit = torch.finfo(family.model.dtype).eps
    allowed = max(NEGLIGIBLE, 2 * unit, min(rounding, MOST_UNITS * unit))
    ours = our_logits(family, prompt)
    deviation = distance(ours, continued)
    if not deviation <= allowed:
        raise Deviation(
            "its own forward pass does more than its layers, which are run one by one here: the logits are "
            f"{deviation:.2g} apart (relative), but rounding in {str(family.model.dtype).removeprefix('torch.')} explains "
            f"only {allowed:.2g} (largest logit: {continued.max():.5g} in its own pass, {ours.max():.5g} here); answers would "
            "not be those of this model"
        )
    return deviation, allowed


def stock_logits(family: Family, prompt: Prompt, cut: int) -> Tensor:
    """Return the stock logits after the prompt, (vocabulary,) fp32 on the CPU; the first `cut` tokens run in a pass before."""
    inputs = family.stock_inputs(prompt)
    length = len(prompt.input_ids)
    per_token = {name: value for name, value in inputs.items() if value.shape == (1, length)}
    images = {name: value for name, value in inputs.items() if name not in per_token}
    cache = DynamicCache()
    with sdpa_kernel(KERNELS):  # those of our passes: on a GPU, others round otherwise
        for start, stop in ((0, cut), (cut, length)):
            if start == stop:
                continue
            piece = {name: value[:, start:stop] for name, value in per_token.items()}
            output = family.model(**piece, **images, past_key_values=cache, use_cache=True, logits_to_keep=1)
            images = {}  # the first piece holds the image
    last: Tensor = output.logits[0, -1]
    return last.float().cpu()


def our_logits(family: Family, prompt: Prompt) -> Tensor:
    """Return the same from the code that answers questions, and leave our attention installed."""
    install(family.model)
    return Batch.open(Sessions(family), [prompt], [prompt]).prefill().logits[0].cpu()


def distance(logits: Tensor, reference: Tensor) -> float:
    """Relative difference of two logit vectors minus their means: a constant added to all logits changes no probability."""
    reference = reference - reference.mean()
    difference = logits - logits.mean() - reference
    return float(difference.norm() / reference.norm().clamp_min(torch.finfo(torch.float32).tiny))
