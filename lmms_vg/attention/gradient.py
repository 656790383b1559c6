"""Gradient of the answer's first token with respect to attention weights."""

from __future__ import annotations

import torch
from torch import Tensor

from lmms_vg.attention.edits import Edit
from lmms_vg.attention.unedited import UneditedRun


class Leaf(Edit):
    """Leaves the weights of its rows as they are, but cuts them off from what made them: gradients end here."""

    def weights(self, weights: Tensor, selected: Tensor, layer: int) -> Tensor:
        self.kept = weights.detach().requires_grad_()
        return self.kept


def gradient(unedited: UneditedRun, layer: int) -> Tensor:
    """(B, H, N) fp32: d log p / d attention after softmax, p being the probability of the most likely first token.

    The attention is the last prompt token's to the image tokens at `layer`; the layers below take no part.

    Raises:
        ValueError: the logits are not finite.
    """
    unedited.advance(layer)  # what is computed here stays with the run, and must not hold a graph
    leaf = Leaf([layer], unedited.layout.last)
    with torch.enable_grad():
        hidden, _ = unedited.leave(layer, leaf)
        likelihood = unedited.logits(hidden).log_softmax(-1).max(-1).values.sum()  # rows do not depend on each other
        (slope,) = torch.autograd.grad(likelihood, leaf.kept)
    keys = unedited.layout.image_tokens.to(slope.device)[:, None].expand(-1, slope.shape[1], -1)
    return slope[:, :, -1].gather(-1, keys)
