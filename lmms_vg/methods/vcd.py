"""VCD (Leng et al., CVPR 2024): contrast with the answer about a noised image."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.decoding import seeded
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.methods.base import Method, require_image, require_integer, require_number
from lmms_vg.models.base import Family, PreparedImage, Prompt

#: Number of steps of the noise schedule.
STEPS = 1000


@dataclass(frozen=True)
class VCD(Method):
    """VCD (Leng et al., CVPR 2024): contrasts the logits with those for a noised image.

    Every token is chosen by (1 + alpha) * l - alpha * l_noised, where l are the logits and l_noised those for the same
    tokens after the noised image; tokens with l < log(beta) + max(l) are cut off (-inf). No attention is edited. The noised
    image is x_t = sqrt(abar_t) x + sqrt(1 - abar_t) eps, drawn once per image and shared by all questions about it, on the
    normalised pixels and not clamped; abar is the running product of 1 - b, b = sigmoid(-6 .. 6) * (.005 - 1e-5) + 1e-5 over
    1000 steps. At t = 500 that is .863 x + .505 eps: the image is never completely hidden. Where a model sees an image in
    several views, each view has noise of its own.

    Paper: Leng et al., "Mitigating Object Hallucinations in Large Vision-Language Models through Visual Contrastive
        Decoding", CVPR 2024
    Source: DAMO-NLP-SG/VCD; its defaults. Not taken: contrast only when sampling (its greedy runs are plain; here greedy
        contrasts too), noise from the global generator, beta .2 of its POPE script
    Layers: -
    Heads: -
    Rows: -
    Softmax: -
    Phase: prefill and decoding

    Attributes:
        alpha: strength of the contrast, at least 0 (released default: 1). 0 is `plain`, also without the cut-off.
        beta: share of the largest probability below which tokens are cut off, 0..1 (released default: .1). 0 cuts off nothing.
        noise_step: step t of the schedule, 0..999 (released default: 500).
        seed: seed of the noise, which also depends on the image's pixels (released default: 42).
    """

    name: ClassVar[str] = "vcd"
    prefixes: ClassVar[int] = 2  # the image and the noised one

    alpha: float = 1.0
    beta: float = 0.1
    noise_step: int = 500
    seed: int = 42

    def __post_init__(self) -> None:
        require_number(self, "alpha", 0)
        require_number(self, "beta", 0, 1)
        require_integer(self, "noise_step", 0, STEPS - 1)
        require_integer(self, "seed", 0)

    def prefill(self, batch: Batch) -> Pass:
        require_image(self, batch)
        contrasted = batch.prefill()
        if self.alpha:
            family = batch.layout.family
            noised = batch.beside([self._noised(family, prompt) for prompt in batch.layout.prompts], keep=True)
            contrasted.contrast(noised.prefill(), self._combine, self._ruled_out)
        return contrasted

    def _noised(self, family: Family, prompt: Prompt) -> Prompt:
        """Return the same prompt about noised images, with other hashes so that prefixes are not mixed up."""
        return replace(prompt, images=tuple(self._noised_image(family, image) for image in prompt.images))

    def _noised_image(self, family: Family, image: PreparedImage) -> PreparedImage:
        kept = float(signal(STEPS)[self.noise_step])
        noise = family.noise(image, seeded(self.seed, image.hash)).to(image.pixels)
        pixels = math.sqrt(kept) * image.pixels + math.sqrt(1 - kept) * noise
        name = f"{image.hash} vcd noise_step={self.noise_step} seed={self.seed}"
        return replace(image, pixels=pixels, hash=name)

    def _combine(self, own: Tensor, noised: Tensor) -> Tensor:
        return (1 + self.alpha) * own - self.alpha * noised

    def _ruled_out(self, own: Tensor) -> Tensor:
        return own < own.amax(-1, keepdim=True) + (math.log(self.beta) if self.beta else -math.inf)


def signal(steps: int) -> Tensor:
    """Return abar, (steps,) float64: the share of the image's variance that remains at each step."""
    added = torch.sigmoid(torch.linspace(-6, 6, steps, dtype=torch.float64)) * (0.005 - 1e-5) + 1e-5
    return (1 - added).cumprod(0)
