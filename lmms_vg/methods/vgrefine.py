"""VGRefine (Liu et al., "How Do Medical MLLMs Fail?", ICLR 2026, Sec. 3): attention triage, then attention knockout."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from lmms_vg.attention import Knockout
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.methods.base import Method, require_image
from lmms_vg.methods.head_list import Head
from lmms_vg.methods.head_lists import required_weights, resolve
from lmms_vg.methods.named_places import check_heads, check_layers, parse_layers
from lmms_vg.models.checkpoint import Shape


@dataclass(frozen=True)
class VGRefine(Method):
    """VGRefine (Liu et al., ICLR 2026): hides the image tokens that the best-grounding heads ignore.

    Step I (triage): take the last prompt token's map of each of the first `k` heads, divide it by the reference prompt's map
    of that layer averaged over all heads (+1e-10), and average over the `k` heads. Image tokens strictly below the `p`-th
    percentile are irrelevant. Step II (knockout): at `layers`, no prompt token after the image may attend to them. Decode
    steps are not blocked.

    Paper: Liu et al., "How Do Medical MLLMs Fail? A Study on Visual Grounding in Medical Images", ICLR 2026, Sec. 3
    Source: Guimeng-Leo-Liu/Medical-MLLMs-Fail; its mask before softmax and its heads. Not taken: p = 80 by default; one
        token for an answer (here the task's limit, 16 for short answers); a space before the instruction (here a line break,
        Fig. I.12; measurements keep the space); maps read in bfloat16 (here float32); `Q` (triage by the mean of all rows
        behind the image), `norm=False` (no reference prompt), `magnitude_threshold` (a cut through the map scaled to 0..1 in
        place of the percentile, used with `percentile=None`): all off there by default
    Layers: knockout at `layers` (7B: 16; 34B: 34, 35, 36); triage at those of `heads`
    Heads: knockout in all; triage by the first `k` of `heads`
    Rows: all prompt rows behind the image
    Softmax: before (mask="pre") or after (mask="post")
    Phase: prefill

    Attributes:
        k: number of heads to use, from the front of `heads` (paper: 20).
        p: percentile in 0..100 (paper: 50; the released code's default is 80). 0 hides nothing.
        mask: "pre" hides before softmax and renormalises (released code), "post" zeroes weights without renormalising
            (printed formula); the two differ visibly in the logits.
        layers: 0-based knockout layers (paper: 16 for 7B; 34, 35, 36 for 34B).
        heads: (layer, head) pairs, best first, 0-based.
        leaks: data sets whose images ranked the heads, or may have.
        weights: fingerprint and dtype of the weights that the heads belong to, if the checkpoint's name does not say so.
    """

    name: ClassVar[str] = "vgrefine"

    heads: tuple[Head, ...]
    layers: tuple[int, ...]
    k: int = 20
    p: float = 50.0
    mask: Literal["pre", "post"] = "pre"
    leaks: tuple[str, ...] = field(default=(), repr=False, compare=False)
    weights: tuple[str, str] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int) or not 1 <= self.k <= len(self.heads):
            raise ValueError(
                f"k={self.k!r}: allowed is an integer from 1 to {len(self.heads)}, the length of the head list"
            )
        if isinstance(self.p, bool) or not isinstance(self.p, (int, float)) or not 0 <= self.p <= 100:
            raise ValueError(f"p={self.p!r}: allowed is a percentile from 0 to 100")
        object.__setattr__(self, "p", float(self.p))
        check_knockout(self.layers, self.mask)

    @classmethod
    def for_checkpoint(  # type: ignore[override]  # the hyper-parameters, spelt out
        cls,
        shape: Shape,
        heads: str | None = None,
        layers: str | int | None = None,
        k: int | None = None,
        p: float = 50.0,
        mask: Literal["pre", "post"] = "pre",
    ) -> VGRefine:
        """Create the method with heads and knockout layers of the shipped or given list; for `heads` see `head_lists.resolve`.

        `k` defaults to the paper's 20, or to the length of a shorter list.

        Raises:
            ValueError: a hyper-parameter is not allowed, or no heads or layers are known.
        """
        chosen = resolve(shape, heads, layers_given=layers is not None)
        places = parse_layers(layers) if layers is not None else tuple(chosen.layers)
        check_heads(chosen.heads, shape)
        check_layers(places, shape)
        first = min(20, len(chosen.heads)) if k is None else k
        weights = required_weights(chosen, shape)
        return cls(tuple(chosen.heads), places, first, p, mask, leaks=tuple(chosen.leaks), weights=weights)

    def check_weights(self, fingerprint: str, dtype: str) -> None:
        if self.weights is not None and self.weights != (fingerprint, dtype):
            raise ValueError(
                f"heads: the list belongs to weights {self.weights[0][:16]} in {self.weights[1]}; loaded are "
                f"{fingerprint[:16]} in {dtype}. Calibrate these: lmms-vg heads calibrate; or name the folder of the same "
                "checkpoint as the list names it; or write the heads out: heads=15-4+16-5"
            )

    def prefill(self, batch: Batch) -> Pass:
        require_image(self, batch)
        used = sorted({layer for layer, _ in self.heads[: self.k]})
        irrelevant = self.irrelevant(batch.unedited.maps("last", used), batch.reference.maps("last", used))
        return knock_out(batch, self.hidden(irrelevant, batch), self.layers, self.mask)

    def hidden(self, irrelevant: Tensor, batch: Batch) -> Tensor:
        """Return the image tokens to hide, (B, N) bool: here the irrelevant ones; controls hide others."""
        return irrelevant

    def irrelevant(self, question: dict[int, Tensor], reference: dict[int, Tensor]) -> Tensor:
        """Step I: find the irrelevant image tokens.

        Args:
            question: maps of the questions, layer to (B, H, N).
            reference: maps of the reference prompts, layer to (B, H, N).

        Returns:
            (B, N) bool, True for image tokens strictly below the percentile.

        Raises:
            ValueError: the attention is not finite.
        """
        device = question[self.heads[0][0]].device
        normalised = [
            question[layer][:, head].to(device) / (reference[layer].mean(1).to(device) + 1e-10)
            for layer, head in self.heads[: self.k]
        ]
        aggregated = torch.stack(normalised).mean(0)
        if not aggregated.isfinite().all():
            raise ValueError("attention is not finite (NaN or infinite); check the weights, or try dtype=float32")
        return (aggregated.cpu().double() < percentile(aggregated, self.p)).to(device)


def check_knockout(layers: tuple[int, ...], mask: str) -> None:
    """Check the arguments of a knockout.

    Raises:
        ValueError: there is no layer, or the mask is unknown.
    """
    if mask not in ("pre", "post"):
        raise ValueError(f"mask={mask!r}: allowed is 'pre' or 'post' (before or after softmax)")
    if not layers:
        raise ValueError("layers=(): allowed is at least one knockout layer")


def knock_out(batch: Batch, hidden: Tensor, layers: tuple[int, ...], mask: Literal["pre", "post"]) -> Pass:
    """Step II: prefill so that no prompt token after the image attends to the image tokens `hidden`, (B, N) bool."""
    layout = batch.layout
    edits = [Knockout(layers, layout.post_image, layout.image_keys(hidden), mask)] if hidden.any() else []
    answering = batch.prefill(*edits)
    for extra, row in zip(answering.extras, hidden, strict=True):
        extra |= {"hidden_tokens": int(row.sum()), "image_tokens": row.numel()}
    return answering


def percentile(values: Tensor, p: float) -> Tensor:
    """Return the `p`-th percentile along the last axis, which stays with size 1; linear interpolation, float64 on the CPU.

    A whole rank gives exactly the value at this rank. torch.quantile computes the rank as p / 100 * (N - 1), which for p = 80
    and 576 tokens is not exactly whole and would hide one more token.
    """
    ordered = values.cpu().double().sort(-1).values
    rank = p * (ordered.shape[-1] - 1) / 100
    low = ordered[..., math.floor(rank)]
    high = ordered[..., math.ceil(rank)]
    return (low + (high - low) * (rank - math.floor(rank)))[..., None]
