"""What can be done to selected attention rows: capture, knockout.

An edit says which layers and which query rows it concerns and maps scores to scores before softmax or weights to weights
after it. Rows are absolute positions in the sequence, a half-open range per batch row, so that the same edit is right in
prefill, in a pass that starts behind a cached prefix, under left padding, and in decoding.

Shapes: B batch rows, H heads, R selected query rows, K keys, N image tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor


class Edit:
    """Base edit: leaves everything as it is, but sends its rows through the explicit fp32 computation.

    Args:
        layers: 0-based layers of the text model concerned.
        rows: (B, 2) start and stop (exclusive) of the query rows, absolute positions; kept on the CPU, so that passes
            which reach none of them (every decode step, for prompt rows) cost no device synchronisation.
    """

    #: False for edits that only look: the attention output then stays SDPA's own.
    changes = True

    def __init__(self, layers: Iterable[int], rows: Tensor) -> None:
        self.layers = frozenset(layers)
        self.rows = rows.cpu()
        self.first = int(self.rows[:, 0].min())
        self.last = int(self.rows[:, 1].max())

    def begin(self, layer: int) -> None:
        """A forward pass with some of the rows reaches `layer`; called once, before the first of them."""

    def scores(self, scores: Tensor, selected: Tensor) -> Tensor:
        """Scores (B, H, R, K) before softmax, causally masked; `selected` (B, R) marks this edit's rows."""
        return scores

    def weights(self, weights: Tensor, selected: Tensor, layer: int) -> Tensor:
        """Weights (B, H, R, K) after softmax; `selected` (B, R) marks this edit's rows."""
        return weights


class Capture(Edit):
    """Attention of selected rows to image tokens, averaged over the rows; memory is layers x heads x image tokens.

    `maps[layer]` is (B, H, N) float32 after the pass. Paper Sec. 2.2: the row of the last prompt token; the supplement also
    studies the mean over question tokens and over all input tokens, which are the same edit with a longer row range.

    Args:
        keys: (B, N) absolute positions of the image tokens.
        heads: heads to keep, all by default; their order is kept.
        before: per layer (B, H, N) *sums* over rows that were computed earlier, in the pass over a cached prefix.
        seen: how many rows `before` sums over.
    """

    changes = False

    def __init__(
        self,
        layers: Iterable[int],
        rows: Tensor,
        keys: Tensor,
        heads: list[int] | None = None,
        before: dict[int, Tensor] | None = None,
        seen: int = 0,
    ) -> None:
        super().__init__(layers, rows)
        self.keys = keys
        self.heads = heads
        self.before = before or {}
        self.count = (self.rows[:, 1] - self.rows[:, 0] + seen).clamp_min(1)
        self.sums: dict[int, Tensor] = {}

    @property
    def maps(self) -> dict[int, Tensor]:
        """Layer to (B, H, N): mean over the selected rows, fp32, on the device of that layer."""
        return {layer: total / self.count.to(total.device)[:, None, None] for layer, total in self.sums.items()}

    def begin(self, layer: int) -> None:
        self.sums.pop(layer, None)

    def weights(self, weights: Tensor, selected: Tensor, layer: int) -> Tensor:
        chosen = weights if self.heads is None else weights[:, self.heads]
        keys = self.keys.to(chosen.device)[:, None, None, :].expand(-1, chosen.shape[1], chosen.shape[2], -1)
        total = (chosen.gather(-1, keys) * selected[:, None, :, None]).sum(2)
        earlier = self.sums[layer] if layer in self.sums else self.before.get(layer)
        self.sums[layer] = total if earlier is None else total + earlier.to(total.device)
        return weights


class Knockout(Edit):
    """Selected rows may not attend to blocked keys (paper Sec. 3, Step II).

    Args:
        blocked: (B, K') bool over absolute key positions; keys from K' on are never blocked.
        mask: "pre" blocks before softmax, so the remaining weights sum to one again (the released code);
            "post" zeroes weights after softmax without renormalising (the printed formula, alpha * M).
    """

    def __init__(
        self, layers: Iterable[int], rows: Tensor, blocked: Tensor, mask: Literal["pre", "post"] = "pre"
    ) -> None:
        super().__init__(layers, rows)
        self.blocked = blocked
        self.mask = mask

    def scores(self, scores: Tensor, selected: Tensor) -> Tensor:
        if self.mask != "pre":
            return scores
        return scores.masked_fill(self._cells(scores, selected), torch.finfo(scores.dtype).min)

    def weights(self, weights: Tensor, selected: Tensor, layer: int) -> Tensor:
        if self.mask != "post":
            return weights
        return weights.masked_fill(self._cells(weights, selected), 0.0)

    def _cells(self, like: Tensor, selected: Tensor) -> Tensor:
        missing = like.shape[-1] - self.blocked.shape[1]
        blocked = torch.nn.functional.pad(self.blocked.to(like.device), (0, max(missing, 0)))[:, : like.shape[-1]]
        return selected[:, None, :, None] & blocked[:, None, None, :]
