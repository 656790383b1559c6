"""Effect of an edit on attention: the largest score, and the attention on the image before and after the edit.

Softmax ignores a constant added to all scores of a row, but edits that multiply scores or add their magnitude do not. Where
a model's scores are large (as with Qwen2's key biases), such an edit drives the attention on the image to 0 or 1. Results
then come from a broken model, and the diagnosis shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from lmms_vg.attention.edits import Edit, KeyEdit

#: The passes to diagnose: none, those that edit attention, or all. A pass without edits is run a second time for it.
Diagnose = Literal["none", "edits", "all"]

#: A row is saturated when its attention mass on the image is below `LOW` or above `HIGH`.
LOW, HIGH = 0.01, 0.99


class Diagnosis:
    """Watches the rows that `edits` select, in every layer they edit; without edits, the last prompt row in all layers.

    For a question whose prompt rows no edit selects (only decode steps, or none at all) it watches the last prompt row.

    Use as `attend(model, diagnosis.before, *edits, diagnosis.after)`.

    Args:
        last: (B, 2) row ranges of the last prompt token.
        image: (B, K) bool, image tokens among the key positions.
        depth: number of layers.
    """

    def __init__(self, edits: Sequence[Edit], last: Tensor, image: Tensor, depth: int) -> None:
        layers = {layer for edit in edits for layer in edit.layers} if edits else set(range(depth))
        spans = torch.stack([edit.rows for edit in edits] or [last])
        rows = torch.stack([spans[..., 0].amin(0), spans[..., 1].amax(0)], dim=1)
        idle = rows[:, 0] >= torch.minimum(rows[:, 1], last[:, 1])  # no prompt row of this question is edited
        rows = torch.where(idle[:, None], last, rows)
        self.before, self.after = _Before(layers, rows, image), _After(layers, rows, image)

    def report(self) -> list[dict[str, Any]]:
        """Return one dict per question, with lists over the watched layers, as JSON values.

        `largest_logit` is taken before the edit. `image_mass_before` and `image_mass_after` are means over rows and heads,
        0 to 1. `saturated` is the share of rows and heads that the edit drove below `LOW` or above `HIGH`, 0 to 1.
        """
        layers = sorted(self.before.mass)
        columns = [self._layer(layer) for layer in layers]
        names = ("largest_logit", "image_mass_before", "image_mass_after", "saturated")
        questions = torch.stack(columns).permute(1, 2, 0).tolist() if columns else []  # (B, 4, layers)
        return [
            {"layers": layers, **{n: [round(v, 4) for v in c] for n, c in zip(names, question, strict=True)}}
            for question in questions
        ]

    def _layer(self, layer: int) -> Tensor:
        """(B, 4) on the CPU: the four figures of one layer."""
        rows = torch.cat(self.before.selected[layer], 1)[:, None]  # (B, 1, R)
        before, after = torch.cat(self.before.mass[layer], 2), torch.cat(self.after.mass[layer], 2)
        share = rows.float() / (rows.sum(2, keepdim=True) * before.shape[1])
        driven = ((after < LOW) & (before >= LOW)) | ((after > HIGH) & (before <= HIGH))
        means = [(values * share).sum((1, 2)) for values in (before, after, driven)]
        return torch.stack([self.before.largest[layer], *means], dim=1).cpu()


def saturated_layers(report: dict[str, Any]) -> list[int]:
    """Return the layers of a question in which most rows were driven to 0 or 1."""
    return [layer for layer, share in zip(report["layers"], report["saturated"], strict=True) if share > 0.5]


class _Watch(KeyEdit):
    changes = False

    def __init__(self, layers: set[int], rows: Tensor, keys: Tensor) -> None:
        super().__init__(layers, rows, keys)
        self.mass: dict[int, list[Tensor]] = {}

    def begin(self, layer: int) -> None:
        self.layer = layer
        self.mass[layer] = []

    def add(self, weights: Tensor, selected: Tensor) -> None:
        """Keep the attention on the image, (B, H, R); rows arrive in chunks."""
        self.mass[self.layer].append((weights * self.cells(weights, selected)).sum(-1))


class _Before(_Watch):
    def __init__(self, layers: set[int], rows: Tensor, keys: Tensor) -> None:
        super().__init__(layers, rows, keys)
        self.selected: dict[int, list[Tensor]] = {}
        self.largest: dict[int, Tensor] = {}

    def begin(self, layer: int) -> None:
        super().begin(layer)
        self.selected[layer] = []
        self.largest.pop(layer, None)

    def scores(self, scores: Tensor, selected: Tensor) -> Tensor:
        self.add(scores.softmax(-1), selected)
        self.selected[self.layer].append(selected)
        largest = scores.masked_fill(~selected[:, None, :, None], -torch.inf).amax((1, 2, 3))
        earlier = self.largest.get(self.layer, largest)
        self.largest[self.layer] = torch.maximum(earlier, largest)
        return scores


class _After(_Watch):
    def weights(self, weights: Tensor, selected: Tensor, layer: int) -> Tensor:
        self.add(weights, selected)
        return weights
