"""Alignment of a watched pass's attention with the annotated boxes (paper, Sec. 2.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lmms_vg.attention.forward_pass import Pass
from lmms_vg.attention.session import Rows, Selections
from lmms_vg.inference.look_target import LookTarget
from lmms_vg.journal import HeadValues, LayerMaps
from lmms_vg.metrics import alignment, placement


class Measured(NamedTuple):
    """The measurements of one question.

    Attributes:
        values: its alignment values as JSON values; None without boxes.
        heads: values of every head; None where they are not asked for, and without boxes.
        question: its maps of the first view, heads averaged.
        reference: those of its reference prompt.
        others: the same two of each of the image's other views, of which nothing is measured.
    """

    values: dict[str, Any] | None
    heads: HeadValues | None
    question: LayerMaps
    reference: LayerMaps
    others: tuple[tuple[LayerMaps, LayerMaps], ...] = ()


def probed_maps(answering: Pass, rows: Rows, per_head: bool = True) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the maps of the answering pass and of the reference prompts, both (B, layers, heads, N), layers in order.

    Without `per_head` the heads are averaged into one, on the device: a map of all heads is megabytes per question.

    Raises:
        ValueError: the batch was not watched for these rows.
    """
    if rows not in answering.seen:
        raise ValueError(f"the batch was not watched for rows={rows!r}: its questions ask for no such maps")
    return _stack(answering.seen[rows], per_head), _stack(answering.reference.maps(rows), per_head)


def measure_all(
    answering: Pass, targets: Sequence[LookTarget], selections: Selections, per_head: bool
) -> list[dict[Rows, Measured]]:
    """Return what `measure` gives for each selection of query rows, question by question; heads are the first's alone."""
    by_selection = [measure(answering, targets, rows, per_head and rows == selections[0]) for rows in selections]
    return [dict(zip(selections, looks, strict=True)) for looks in zip(*by_selection, strict=True)]


def alignment_of(looks: Mapping[Rows, Measured]) -> dict[str, Any] | None:
    """Return the values of the first selection as a record states them, and beside them those of the others.

    They are stated and not left to the maps, whose half precision is only near what was measured.
    """
    first, *others = (looked.values for looked in looks.values())
    if first is None or not others:
        return first
    names = alignment.Alignment._fields
    further = zip([*looks][1:], others, strict=True)
    return first | {"selections": {rows: {name: values[name] for name in names} for rows, values in further if values}}


def measure(answering: Pass, targets: Sequence[LookTarget], rows: Rows, per_head: bool) -> list[Measured]:
    """Return the alignment values of every question of a batch, per layer, and the maps that they are of.

    Args:
        answering: the watched pass.
        targets: what each question is measured against.
        rows: query rows of the maps.
        per_head: whether to measure every head, too.
    """
    maps, reference = probed_maps(answering, rows, per_head)
    measured = []
    for target, asked, general in zip(targets, maps, reference, strict=True):
        patches = target.mask.size
        pair, boxed = (asked[..., :patches], general[..., :patches]), bool(target.mask.any())
        heads = _heads(*pair, target) if boxed and per_head else None
        values = _values(*pair, target, heads) if boxed else None
        question, reference_maps = (_kept(every, (patches, *target.others)) for every in (asked, general))
        others = tuple(zip(question[1:], reference_maps[1:], strict=True))
        measured.append(Measured(values, heads, question[0], reference_maps[0], others))
    return measured


def _values(asked: NDArray[Any], general: NDArray[Any], target: LookTarget, heads: HeadValues | None) -> dict[str, Any]:
    layers = alignment.align(asked, general, target.mask.ravel(), target.uid)
    result: dict[str, Any] = {name: value.tolist() for name, value in layers._asdict().items()}
    result["version"] = alignment.VERSION
    if heads is not None:  # the values themselves are kept beside the journal; this says that they belong there
        result["head_shape"] = list(heads.kl.shape)
    return result


def _heads(asked: NDArray[Any], general: NDArray[Any], target: LookTarget) -> HeadValues:
    """Values of every head, each divided by its own reference."""
    values = alignment.align_heads(asked, general, target.mask.ravel(), target.uid)
    looks = alignment.normalise(asked, general).reshape(*values.kl.shape, *target.mask.shape)
    placed = placement.place(looks, target.mask, target.visible, target.uid)
    spread = alignment.head_entropy(asked, general, target.uid)
    return HeadValues(values.kl, values.ar, values.js, placed.share, spread)


def _kept(maps: NDArray[Any], sizes: Sequence[int]) -> list[LayerMaps]:
    """Return the views of maps (layers, heads, N), and the share of the attention that lies on all views and images."""
    averaged = maps.mean(axis=1, dtype=np.float64)
    views = np.split(averaged, np.cumsum(sizes), axis=1)[: len(sizes)]  # further images are behind
    return [LayerMaps.of(view, averaged.sum(axis=-1)) for view in views]


def _stack(maps: dict[int, torch.Tensor], per_head: bool) -> NDArray[Any]:
    layers = [maps[layer] for layer in sorted(maps)]
    if not per_head:
        # Apple's GPU has no float64.
        layers = [heads.cpu() if heads.device.type == "mps" else heads for heads in layers]
        layers = [heads.mean(1, keepdim=True, dtype=torch.float64) for heads in layers]
    return torch.stack([layer.to(layers[0].device) for layer in layers], dim=1).cpu().numpy()
