"""Edits of selected attention rows: capture, knockout, scale, boost.

An edit names its layers and query rows. It maps scores to scores before softmax, or weights to weights after softmax. Rows
are absolute positions in the sequence, a half-open range per batch row. So one edit is correct in prefill, in a pass that
starts after a cached prefix, under left padding and in decoding.

Shapes: B batch rows, H heads, R selected query rows, K keys, N image tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor


class Edit:
    """Base edit: changes nothing, but sends its rows through the explicit fp32 computation.

    Args:
        layers: 0-based layers of the text model to edit.
        rows: (B, 2) start and stop (exclusive) of the query rows, absolute positions. They are kept on the CPU, so that a
            pass without any of these rows (for prompt rows, every decode step) costs no device synchronisation.
            `onwards(rows)` includes the decode steps.
    """

    #: False for edits that only read: the attention output is then SDPA's own.
    changes = True

    #: True for edits that read what the others change in a computation of their own, so that its rows move no bit of theirs.
    #: The others then edit twice.
    beside = False

    def __init__(self, layers: Iterable[int], rows: Tensor) -> None:
        self.layers = frozenset(layers)
        self.rows = rows.cpu()
        self.first = int(self.rows[:, 0].min())
        self.last = int(self.rows[:, 1].max())
        self._placed: dict[torch.device, Tensor] = {}

    def rows_on(self, device: torch.device) -> Tensor:
        """Return `rows` on a device; they are copied there once."""
        if device not in self._placed:
            self._placed[device] = self.rows.to(device)
        return self._placed[device]

    def begin(self, layer: int) -> None:
        """Called once per forward pass that has any of the rows, before their first chunk in `layer`."""

    def scores(self, scores: Tensor, selected: Tensor) -> Tensor:
        """Edit scores (B, H, R, K) before softmax, causally masked; `selected` (B, R) marks this edit's rows."""
        return scores

    def weights(self, weights: Tensor, selected: Tensor, layer: int) -> Tensor:
        """Edit weights (B, H, R, K) after softmax; `selected` (B, R) marks this edit's rows."""
        return weights


class Capture(Edit):
    """Captures the attention of selected rows to image tokens, averaged over the rows.

    After the pass, `maps[layer]` is (B, H, N) float32; memory grows with layers x heads x image tokens. The paper (Sec. 2.2)
    takes the row of the last prompt token. Its supplement also takes the mean over question tokens and over all input
    tokens, which is the same edit with a longer row range.

    Args:
        keys: (B, N) absolute positions of the image tokens.
        heads: heads to keep, in this order; all by default.
        before: per layer, (B, H, N) sums over rows of an earlier pass, the one over the cached prefix.
        seen: number of rows in these sums.
        beside: as `Edit.beside`.
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
        beside: bool = False,
    ) -> None:
        super().__init__(layers, rows)
        self.keys = keys
        self.heads = heads
        self.beside = beside
        self.before = before or {}
        self.count = (self.rows[:, 1] - self.rows[:, 0] + seen).clamp_min(1)
        self.sums: dict[int, Tensor] = {}

    @property
    def maps(self) -> dict[int, Tensor]:
        """Layer to (B, H, N): the mean over the selected rows, fp32, on the device of that layer."""
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


class KeyEdit(Edit):
    """An edit of the selected rows' attention to selected keys.

    Args:
        layers: as for `Edit`.
        rows: as for `Edit`.
        keys: (B, K') bool over absolute key positions; keys from K' on are not selected.
    """

    def __init__(self, layers: Iterable[int], rows: Tensor, keys: Tensor) -> None:
        super().__init__(layers, rows)
        self.keys = keys

    def cells(self, like: Tensor, selected: Tensor) -> Tensor:
        """Return (B, H, R, K) bool, True where a selected row meets a selected key that it may attend to.

        R and K are those of `like`, scores or weights. A score that is masked, by a window or by another edit, holds the lowest
        number of its dtype; scaled or raised it would not be masked any more.
        """
        missing = like.shape[-1] - self.keys.shape[1]
        keys = torch.nn.functional.pad(self.keys.to(like.device), (0, max(missing, 0)))[:, : like.shape[-1]]
        return selected[:, None, :, None] & keys[:, None, None, :] & (like > torch.finfo(like.dtype).min)


class Knockout(KeyEdit):
    """Selected rows may not attend to `keys` (paper Sec. 3, Step II).

    Args:
        mask: "pre" blocks before softmax, so the other weights sum to 1 again (released code);
            "post" zeroes weights after softmax without renormalising (printed formula, alpha * M).
    """

    def __init__(self, layers: Iterable[int], rows: Tensor, keys: Tensor, mask: Literal["pre", "post"] = "pre") -> None:
        super().__init__(layers, rows, keys)
        self.mask = mask

    def scores(self, scores: Tensor, selected: Tensor) -> Tensor:
        if self.mask != "pre":
            return scores
        return scores.masked_fill(self.cells(scores, selected), torch.finfo(scores.dtype).min)

    def weights(self, weights: Tensor, selected: Tensor, layer: int) -> Tensor:
        if self.mask != "post":
            return weights
        return weights.masked_fill(self.cells(weights, selected), 0.0)


class Scale(KeyEdit):
    """Multiplies scores at `keys` by a weight, before softmax (AdaptVis, VAF).

    Args:
        weight: one number, or a tensor (B,) with one number per batch row.
    """

    def __init__(self, layers: Iterable[int], rows: Tensor, keys: Tensor, weight: float | Tensor) -> None:
        super().__init__(layers, rows, keys)
        self.weight = torch.as_tensor(weight, dtype=torch.float32).reshape(-1, 1, 1, 1)

    def scores(self, scores: Tensor, selected: Tensor) -> Tensor:
        return torch.where(self.cells(scores, selected), scores * self.weight.to(scores.device), scores)


class Boost(KeyEdit):
    """Adds alpha times the magnitude of the scores at `keys`, before softmax.

    Args:
        across_heads: whether the magnitude is the mean over all heads (Attention Lens) or each head's own (PAI).
    """

    def __init__(
        self, layers: Iterable[int], rows: Tensor, keys: Tensor, alpha: float, across_heads: bool = False
    ) -> None:
        super().__init__(layers, rows, keys)
        self.alpha = alpha
        self.across_heads = across_heads

    def scores(self, scores: Tensor, selected: Tensor) -> Tensor:
        cells = self.cells(scores, selected)
        size = scores.masked_fill(~cells, 0.0).abs()  # masked keys hold the lowest number of the dtype
        if self.across_heads:
            size = size.mean(1, keepdim=True)
        return torch.where(cells, scores + self.alpha * size, scores)


def onwards(rows: Tensor) -> Tensor:
    """Return the (B, 2) row ranges without their end, so that they include every decode step."""
    return torch.stack([rows[:, 0], torch.full_like(rows[:, 1], torch.iinfo(torch.int64).max)], dim=1)
