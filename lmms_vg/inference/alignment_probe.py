"""Alignment of a watched pass's attention with the annotated boxes (paper, Sec. 2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lmms_vg._util.error_codes import BadQuestion, NoBoxes, Unmeasurable
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.attention.session import Rows
from lmms_vg.journal import LayerMaps
from lmms_vg.metrics import alignment
from lmms_vg.models.base import Prompt

#: (rows, cols) bool, True where a patch of one view lies in a box.
Mask = NDArray[np.bool_]

#: Such a mask for each view of the first image; attention is measured on the first view.
Masks = tuple[Mask, ...]


class Measured(NamedTuple):
    """What was measured of a question.

    Attributes:
        values: its alignment values as JSON values; None without boxes.
        question: its maps of the first view, heads averaged.
        reference: those of its reference prompt.
    """

    values: dict[str, Any] | None
    question: LayerMaps
    reference: LayerMaps


def target_masks(uid: str, prompt: Prompt, boxes: Sequence[Sequence[float]], rows: Rows) -> Masks:
    """Return the boxes (x0, y0, x1, y1 in pixels) as masks on the patch grids of the first image's views.

    Raises:
        CodedError: there is no image, no box, no question token or no visible box; the message names the question.
    """
    if not prompt.images:
        raise BadQuestion(f"{uid}: no image to measure attention on")
    if not boxes:
        raise NoBoxes(f"{uid}: no box to measure attention against")
    if rows == "question" and prompt.question[0] == prompt.question[1]:
        raise Unmeasurable(f'{uid}: no question tokens after the image, over which rows="question" averages')
    masks = tuple(view.patch_mask(boxes) for view in prompt.images[0].views)
    if not masks[0].any():
        raise Unmeasurable(f"{uid}: the boxes {list(boxes)} lie in the part of the image that the model does not see")
    return masks


def probed_maps(answering: Pass, rows: Rows, per_head: bool = True) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the maps of the answering pass and of the reference prompts, both (B, layers, heads, N), layers in order.

    Without `per_head` the heads are averaged into one, on the device: a map of all heads is megabytes per question.
    """
    if not answering.seen:
        raise ValueError("the batch was not watched: its questions ask for no maps")
    return _stack(answering.seen, per_head), _stack(answering.reference.maps(rows), per_head)


def measure(answering: Pass, targets: list[tuple[str, Mask]], rows: Rows, per_head: bool) -> list[Measured]:
    """Return the alignment values of every question of a batch, per layer, and the maps that they are of.

    Args:
        answering: the watched pass.
        targets: name and mask of each question, empty without boxes; only the first image's first view counts.
        rows: query rows of the maps.
        per_head: whether to add values per head.
    """
    maps, reference = probed_maps(answering, rows, per_head)
    measured = []
    for (uid, mask), asked, general in zip(targets, maps, reference, strict=True):
        pair = asked[..., : mask.size], general[..., : mask.size]
        values = _values(*pair, mask, uid, per_head) if mask.any() else None
        measured.append(Measured(values, *(_kept(every, mask.size) for every in (asked, general))))
    return measured


def _values(asked: NDArray[Any], general: NDArray[Any], mask: Mask, uid: str, per_head: bool) -> dict[str, Any]:
    layers = alignment.align(asked, general, mask.ravel(), uid)
    result: dict[str, Any] = {name: value.tolist() for name, value in layers._asdict().items()}
    result["version"] = alignment.VERSION
    if per_head:
        heads = alignment.align_heads(asked, general, mask.ravel(), uid)
        kept = {"ar": heads.ar, "kl": heads.kl, "js": heads.js, "entropy": alignment.head_entropy(asked, general, uid)}
        result["heads"] = {name: np.round(value, 6).tolist() for name, value in kept.items()}
    return result


def _kept(maps: NDArray[Any], patches: int) -> LayerMaps:
    """The first view of maps (layers, heads, N), and the share of the attention that lies on all views and images."""
    averaged = maps.mean(axis=1, dtype=np.float64)
    return LayerMaps.of(averaged[:, :patches], averaged.sum(axis=-1))


def _stack(maps: dict[int, torch.Tensor], per_head: bool) -> NDArray[Any]:
    layers = [maps[layer] for layer in sorted(maps)]
    if not per_head:
        # Apple's GPU has no float64.
        layers = [heads.cpu() if heads.device.type == "mps" else heads for heads in layers]
        layers = [heads.mean(1, keepdim=True, dtype=torch.float64) for heads in layers]
    return torch.stack([layer.to(layers[0].device) for layer in layers], dim=1).cpu().numpy()
