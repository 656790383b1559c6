"""Gradient of the answer's first token with respect to attention weights."""

from __future__ import annotations

import torch
from torch import Tensor

from lmms_vg.attention.edits import Edit
from lmms_vg.attention.unedited import UneditedRun


class Leaf(Edit):
    """Makes the weights of its rows a leaf of the graph, so that gradients end there; the values do not change."""

    def weights(self, weights: Tensor, selected: Tensor, layer: int) -> Tensor:
        """Detach the weights and keep them for `torch.autograd.grad`."""
        self.kept = weights.detach().requires_grad_()
        return self.kept


def gradient(unedited: UneditedRun, layer: int) -> Tensor:
    """Return d log p / d attention, where p is the probability of the most likely first token.

    The attention is that of the last prompt token to the image tokens at `layer`, after softmax. Layers below `layer` get no
    gradient.

    Returns:
        (B, H, N) fp32.

    Raises:
        ValueError: the logits are not finite.
    """
    unedited.advance(layer)  # before gradients are enabled: the run keeps these tensors, and they must not hold a graph
    leaf = Leaf([layer], unedited.layout.last)
    with torch.enable_grad():
        hidden, _ = unedited.leave(layer, leaf)
        likelihood = unedited.logits(hidden).log_softmax(-1).max(-1).values.sum()  # rows do not depend on each other
        (slope,) = torch.autograd.grad(likelihood, leaf.kept)
    keys = unedited.layout.image_tokens.to(slope.device)[:, None].expand(-1, slope.shape[1], -1)
    return slope[:, :, -1].gather(-1, keys)
