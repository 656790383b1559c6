"""Attention alignment: how well a map of attention over image patches agrees with the mask of the relevant patches.

Source: Liu et al., "How Do Medical MLLMs Fail? A Study on Visual Grounding in Medical Images", ICLR 2026, Section 2 and
supplement. A is an attention map, M the mask, N the number of patches, A^ = A/|A|_1 and M^ = M/|M|_1.

Shapes: an attention map is (..., rows, cols) with a mask (rows, cols), or flattened (..., N) with a mask of either
shape. The leading axes (layers, heads) are the shape of the result. Inputs are numpy or torch of any dtype, results are
float64 numpy. No value depends on the scale of a map or mask.

All functions that take a mask raise ValueError if it is empty, if a shape does not fit, or if attention or mask has NaN,
infinite or negative values; `name` names the sample in the message.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Alignment(NamedTuple):
    """Alignment values, (layers,) or (layers, heads).

    Attributes:
        ar: attention ratio, 0 to N/|M|_1.
        printed_ar: attention ratio as the paper prints it, 0 to 1/|M|_1.
        kl: KL divergence in nats, 0 to about 27.6.
        js: Jensen-Shannon divergence in nats, 0 to ln 2.
    """

    ar: Array
    printed_ar: Array
    kl: Array
    js: Array


def normalise(question: Any, reference: Any) -> Array:
    """Divide a question's map by the reference prompt's, elementwise: what the question adds to the usual attention.

    0/0 is 0. Where only the reference is 0, it counts as the smallest positive number of its type (for float64, of
    float32): the true ratio is at least that large.

    >>> normalise([0.2, 0.1, 0.0], [0.1, 0.4, 0.0]).tolist()
    [2.0, 0.25, 0.0]
    """
    return _ratio(_array(question), _array(reference), _smallest(reference))


def attention_ratio(attention: Any, mask: Any, name: str = "sample") -> Array:
    """Mean attention inside the mask over mean attention everywhere: N * sum(A*M) / (|A|_1 |M|_1), 0 to N/|M|_1.

    It is 1 for even attention, as in the paper's text and released code; the printed formula lacks the N. Attention
    that is zero everywhere has ratio 0; the released code adds 1e-8 to |A|_1 |M|_1 instead.

    >>> float(attention_ratio([0.3, 0.1, 0.1, 0.1], [1, 0, 0, 0]).round(6))
    2.0
    """
    maps, flat = flatten(attention, mask, name)
    return _measure(maps, flat).ar


def printed_attention_ratio(attention: Any, mask: Any, name: str = "sample") -> Array:
    """Attention ratio as the paper prints it, without the factor N: 1/N for even attention, 0 to 1/|M|_1."""
    maps, flat = flatten(attention, mask, name)
    return _measure(maps, flat).printed_ar


def kl_divergence(attention: Any, mask: Any, name: str = "sample") -> Array:
    """KL(M^ || A^) in nats, from 0 (attention is uniform on the mask and zero elsewhere) to about 12 ln 10 = 27.6.

    As in the released code, M^ and A^ are clipped to [1e-12, 1] before the sum. Attention that is zero everywhere has
    A^ = 0 before the clip.

    >>> float(kl_divergence([0.25, 0.25, 0.25, 0.25], [1, 1, 0, 0]).round(6))  # ln 2
    0.693147
    """
    maps, flat = flatten(attention, mask, name)
    return _measure(maps, flat).kl


def js_divergence(attention: Any, mask: Any, name: str = "sample") -> Array:
    """KL(M^ || R)/2 + KL(A^ || R)/2 in nats with R = (M^ + A^)/2: 0 (equal) to ln 2 (no overlap).

    As in the released code, 1e-8 is added to numerator and denominator inside both logarithms.
    """
    maps, flat = flatten(attention, mask, name)
    return _measure(maps, flat).js


def align(question: Any, reference: Any | None, mask: Any, name: str = "sample") -> Alignment:
    """Compute all four values per layer.

    Heads are averaged first, for question and reference separately, and the averages are divided.

    Args:
        question: map of the question, (layers, heads, N) or (layers, heads, rows, cols).
        reference: map of the reference prompt, in the same shape; None uses the question's map undivided.
        mask: (rows, cols) or (N,).
        name: name of the sample, for errors.
    """
    return _align(question, reference, mask, name, heads_averaged=True)


def align_heads(question: Any, reference: Any | None, mask: Any, name: str = "sample") -> Alignment:
    """Compute all four values per head, with arguments as in `align`: each head is divided by its own reference."""
    return _align(question, reference, mask, name, heads_averaged=False)


def head_entropy(question: Any, reference: Any, name: str = "sample") -> Array:
    """Entropy of every head's map in nats, (layers, heads): 0 (one patch has all) to ln N (even over all patches).

    How spread a head looks on any image; no mask enters. Arguments as in `align_heads`; attention that is zero everywhere has
    entropy 0.
    """
    nowhere = np.ones(np.shape(question)[2:])
    maps, _ = flatten(question, nowhere, name)
    general, _ = flatten(reference, nowhere, name)
    share = _distribution(_ratio(maps, general, _smallest(reference)))
    entropy: Array = -(share * np.log(np.where(share > 0, share, 1))).sum(axis=-1)
    return entropy


def best_layer(kl: Any) -> int:
    """Return the layer that the paper's figures show: the lowest mean of KL (questions, layers), the first on ties.

    Raises:
        ValueError: `kl` has another shape, is empty, or is not finite.
    """
    values = _array(kl)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"best_layer needs finite KL values (questions, layers), got shape {values.shape}")
    # Sums are exact, so that layers with the same values in another order tie.
    return int(np.argmin([math.fsum(layer) for layer in values.T]))


#: Version of these formulas; it goes up when the same maps and mask come to give another number. Measurements are stored with
#: it, since attention is not measured again where an answer is only scored again.
VERSION = 2


def signature(*, rows: str | None = None, geometry: str | None = None, version: int = VERSION) -> str:
    """Describe what a value depends on, to be printed with it.

    Args:
        rows: token rows that were read, where known.
        geometry: how boxes were placed, where known.
        version: of these formulas, at the time of the measurement; 1 divided by no reference below 1e-10.

    >>> signature(rows="last", geometry="stretch")
    'alignment|rows:last|geometry:stretch|norm:reference|layer:min-kl|log:e|v:2'
    """
    known = "".join(f"|{name}:{value}" for name, value in (("rows", rows), ("geometry", geometry)) if value)
    return f"alignment{known}|norm:reference|layer:min-kl|log:e|v:{version}"


def _align(question: Any, reference: Any | None, mask: Any, name: str, heads_averaged: bool) -> Alignment:
    inputs = [question] if reference is None else [question, reference]
    shapes = [tuple(np.shape(maps)) for maps in inputs]
    axes = len(shapes[0])
    # The mask's shape matters for maps on a grid only: with one head, flat maps could pass for a grid of one row.
    target = _array(mask).ravel() if axes == 3 else mask
    maps, flat = zip(*(flatten(values, target, name) for values in inputs), strict=True)
    if axes not in (3, 4) or shapes[-1] != shapes[0] or maps[0].ndim != 3:
        raise ValueError(
            f"{name}: question and reference must both be (layers, heads, patches), or (layers, heads, rows, cols) with a "
            f"mask (rows, cols); got {' and '.join(map(str, shapes))} with a mask {np.shape(mask)}"
        )
    if heads_averaged:
        maps = tuple(heads.mean(axis=-2) for heads in maps)
    if reference is None:
        return _measure(maps[0], flat[0])
    ratio = _ratio(maps[0], maps[1], _smallest(reference))
    if not np.isfinite(ratio).all():
        raise ValueError(f"{name}: the question's attention divided by the reference's is not finite")
    return _measure(ratio, flat[0])


def _ratio(question: Array, reference: Array, smallest: float) -> Array:
    with np.errstate(over="ignore"):
        return question / np.where(reference > 0, reference, smallest)


def _smallest(values: Any) -> float:
    """Smallest positive number of the values' type; of float32 if the type is unknown or has smaller ones."""
    return {"float16": 2.0**-24, "bfloat16": 2.0**-133}.get(
        str(getattr(values, "dtype", "")).removeprefix("torch."), 2.0**-149
    )


def _measure(maps: Array, mask: Array) -> Alignment:
    """Compute all four values of (..., N) maps and an (N,) mask, both checked."""
    target, attention = _distribution(mask), _distribution(maps)
    printed = (attention * mask).sum(axis=-1) / mask.sum()
    clipped_target, clipped_attention = np.clip(target, 1e-12, 1), np.clip(attention, 1e-12, 1)
    kl = (clipped_target * np.log(clipped_target / clipped_attention)).sum(axis=-1)
    middle = (target + attention) / 2
    js = (_guarded_kl(target, middle) + _guarded_kl(attention, middle)) / 2
    return Alignment(ar=printed * mask.size, printed_ar=printed, kl=kl, js=js)


def _guarded_kl(p: Array, q: Array) -> Array:
    divergence: Array = (p * np.log((p + 1e-8) / (q + 1e-8))).sum(axis=-1)
    return divergence


def _distribution(values: Array) -> Array:
    """Scale to sum 1 over the last axis; zeros stay zeros."""
    total = values.sum(axis=-1, keepdims=True)
    scaled: Array = np.divide(values, total, out=np.zeros_like(values), where=total > 0)
    return scaled


def flatten(attention: Any, mask: Any, name: str) -> tuple[Array, Array]:
    """Check attention and mask, and return them as (..., N) and (N,).

    Raises:
        ValueError: as all functions that take a mask.
    """
    maps, target = _array(attention), _array(mask)
    if target.ndim and maps.shape[-target.ndim :] == target.shape:
        maps = maps.reshape(*maps.shape[: -target.ndim], target.size)
    elif not maps.ndim or maps.shape[-1] != target.size:
        raise ValueError(f"{name}: attention of shape {maps.shape} does not end in the mask's shape {target.shape}")
    for label, values in (("attention", maps), ("mask", target)):
        if not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(f"{name}: the {label} has NaN, infinite or negative values")
    if not target.any():
        raise ValueError(f"{name}: the mask is empty: it marks no patch")
    return maps, target.ravel()


def _array(values: Any) -> Array:
    if hasattr(values, "detach"):  # a torch tensor; torch casts it, since numpy has no bfloat16
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=np.float64)
