"""Gradient of the answer's first token with respect to attention weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.edits import Edit


class Leaf(Edit):
    """Leaves the weights of its rows as they are, but cuts them off from what made them: gradients end here."""

    def weights(self, weights: Tensor, selected: Tensor, layer: int) -> Tensor:
        self.kept = weights.detach().requires_grad_()
        return self.kept


def gradient(batch: Batch, layer: int) -> Tensor:
    """(B, H, N) fp32: d log p / d attention after softmax, p being the probability of the most likely first token.

    The attention is the last prompt token's to the image tokens at `layer`; the layers below take no part. The batch is left
    as it was.

    Raises:
        ValueError: the logits are not finite.
    """
    batch.maps("last", [layer])  # what is computed here stays with the batch, and must not hold a graph
    throwaway = copy.copy(batch)  # shares that; everything a prefill makes with a graph goes with it
    throwaway.watched, throwaway.diagnose = None, False
    leaf = Leaf([layer], batch.last)
    with torch.enable_grad():
        throwaway.prefill(leaf)
        likelihood = throwaway.logits.log_softmax(-1).max(-1).values.sum()  # rows do not depend on each other
        (slope,) = torch.autograd.grad(likelihood, leaf.kept)
    keys = batch.image_tokens.to(slope.device)[:, None].expand(-1, slope.shape[1], -1)
    return slope[:, :, -1].gather(-1, keys)
