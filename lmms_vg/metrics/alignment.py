"""Does a model look where it should: attention over image patches against the mask of the patches that matter.

Source: Liu et al., "How Do Medical MLLMs Fail? A Study on Visual Grounding in Medical Images", ICLR 2026, Section 2 and
supplement. A is an attention map, M the mask, N the number of patches, A^ = A/|A|_1 and M^ = M/|M|_1.

Shapes: an attention map is (..., rows, cols) with a mask (rows, cols), or flattened (..., N) with a mask of either
shape; leading axes (layers, heads) are kept, and values come back in their shape. numpy or torch of any dtype goes in,
float64 numpy comes out. ``name`` names the sample in errors: ValueError if the mask covers nothing, if a shape does not
fit, or if attention or mask has NaN, infinite or negative values. No value depends on the scale of a map or mask.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Alignment(NamedTuple):
    """Values in the shape of the maps' leading axes: (layers,) or (layers, heads)."""

    ar: Array
    printed_ar: Array
    kl: Array
    js: Array


def normalise(question: Any, reference: Any) -> Array:
    """A_question / A_reference, elementwise, in the inputs' shape: what the question adds to a look at any image.

    0/0 is 0. Where only the reference is 0, it counts as the smallest number above 0 that its type can hold (float64: that
    float32 can hold): the true ratio is at least that large.

    >>> normalise([0.2, 0.1, 0.0], [0.1, 0.4, 0.0]).tolist()
    [2.0, 0.25, 0.0]
    """
    return _ratio(_array(question), _array(reference), _smallest(reference))


def attention_ratio(attention: Any, mask: Any, name: str = "sample") -> Array:
    """Mean attention inside the mask over mean attention anywhere: N * sum(A*M) / (|A|_1 |M|_1), 0 to N/|M|_1.

    1 for uniform attention, as the paper's text and released code have it; its printed formula lacks the N.
    Attention that is zero everywhere has ratio 0. The released code adds 1e-8 to |A|_1 |M|_1 instead.

    >>> float(attention_ratio([0.3, 0.1, 0.1, 0.1], [1, 0, 0, 0]).round(6))
    2.0
    """
    maps, flat = _flatten(attention, mask, name)
    return _measure(maps, flat).ar


def printed_attention_ratio(attention: Any, mask: Any, name: str = "sample") -> Array:
    """The attention ratio as the paper prints it, without the factor N: 1/N for uniform attention, 0 to 1/|M|_1."""
    maps, flat = _flatten(attention, mask, name)
    return _measure(maps, flat).printed_ar


def kl_divergence(mask: Any, attention: Any, name: str = "sample") -> Array:
    """KL(M^ || A^) in nats, from 0 (attention is even over the mask and nowhere else) to about 12 ln 10 = 27.6.

    Guard: M^ and A^ are clipped to [1e-12, 1] before the sum, as in the released code. Attention that is zero
    everywhere has A^ = 0 before the clip.

    >>> float(kl_divergence([1, 1, 0, 0], [0.25, 0.25, 0.25, 0.25]).round(6))  # ln 2
    0.693147
    """
    maps, flat = _flatten(attention, mask, name)
    return _measure(maps, flat).kl


def js_divergence(mask: Any, attention: Any, name: str = "sample") -> Array:
    """KL(M^ || R)/2 + KL(A^ || R)/2 in nats with R = (M^ + A^)/2: 0 (the same) to ln 2 (no overlap).

    Guard: 1e-8 is added to numerator and denominator inside both logarithms, as in the released code.
    """
    maps, flat = _flatten(attention, mask, name)
    return _measure(maps, flat).js


def align(question: Any, reference: Any | None, mask: Any, name: str = "sample") -> Alignment:
    """All four per layer, from (layers, heads, N) or (layers, heads, rows, cols) maps of question and reference prompt.

    Heads are averaged first, question and reference each, and divided then. Without a reference: the question's map.
    """
    return _align(question, reference, mask, name, heads_averaged=True)


def align_heads(question: Any, reference: Any | None, mask: Any, name: str = "sample") -> Alignment:
    """All four per head, from maps as in `align`: each head's map is divided by the same head's reference."""
    return _align(question, reference, mask, name, heads_averaged=False)


def best_layer(kl: Any) -> int:
    """The layer the paper's figures show: lowest mean KL over (questions, layers), the first one on ties."""
    values = _array(kl)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"best_layer needs finite KL values (questions, layers), got shape {values.shape}")
    # Exact sums: layers with the same values in another order must tie.
    return int(np.argmin([math.fsum(layer) for layer in values.T]))


VERSION = 2  # of these formulas; goes up when the same maps and mask come to give another number
"""What a measurement is stored with: attention is not measured again where an answer is only scored again."""


def signature(*, rows: str | None = None, geometry: str | None = None, version: int = VERSION) -> str:
    """What a number depends on, to be printed beside it.

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
    given = [question] if reference is None else [question, reference]
    shapes = [tuple(np.shape(maps)) for maps in given]
    axes = len(shapes[0])
    # A mask's own shape counts for maps on a grid only: with one head, flat maps can look like a grid of one row.
    target = _array(mask).ravel() if axes == 3 else mask
    maps, flat = zip(*(_flatten(values, target, name) for values in given), strict=True)
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
        raise ValueError(f"{name}: attention divided by that of the reference is not finite")
    return _measure(ratio, flat[0])


def _ratio(question: Array, reference: Array, smallest: float) -> Array:
    with np.errstate(over="ignore"):
        return question / np.where(reference > 0, reference, smallest)


def _smallest(values: Any) -> float:
    """The smallest number above 0 of the values' type; of float32 where that is unknown or holds smaller ones."""
    return {"float16": 2.0**-24, "bfloat16": 2.0**-133}.get(
        str(getattr(values, "dtype", "")).removeprefix("torch."), 2.0**-149
    )


def _measure(maps: Array, mask: Array) -> Alignment:
    """All four for (..., N) maps and an (N,) mask, both checked."""
    target, looked = _distribution(mask), _distribution(maps)
    printed = (looked * mask).sum(axis=-1) / mask.sum()
    clipped_target, clipped_looked = np.clip(target, 1e-12, 1), np.clip(looked, 1e-12, 1)
    kl = (clipped_target * np.log(clipped_target / clipped_looked)).sum(axis=-1)
    middle = (target + looked) / 2
    js = (_guarded_kl(target, middle) + _guarded_kl(looked, middle)) / 2
    return Alignment(ar=printed * mask.size, printed_ar=printed, kl=kl, js=js)


def _guarded_kl(p: Array, q: Array) -> Array:
    return (p * np.log((p + 1e-8) / (q + 1e-8))).sum(axis=-1)


def _distribution(values: Array) -> Array:
    """Scaled to sum 1 over the last axis; all zero stays all zero."""
    total = values.sum(axis=-1, keepdims=True)
    return np.divide(values, total, out=np.zeros_like(values), where=total > 0)


def _flatten(attention: Any, mask: Any, name: str) -> tuple[Array, Array]:
    """Attention as (..., N) and mask as (N,), checked."""
    maps, target = _array(attention), _array(mask)
    if target.ndim and maps.shape[-target.ndim :] == target.shape:
        maps = maps.reshape(*maps.shape[: -target.ndim], target.size)
    elif not maps.ndim or maps.shape[-1] != target.size:
        raise ValueError(f"{name}: attention of shape {maps.shape} does not end in the mask's shape {target.shape}")
    for what, values in (("attention", maps), ("mask", target)):
        if not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(f"{name}: the {what} has NaN, infinite or negative values")
    if not target.any():
        raise ValueError(f"{name}: the mask is empty, no patch is to be looked at")
    return maps, target.ravel()


def _array(values: Any) -> Array:
    if hasattr(values, "detach"):  # a torch tensor; numpy has no bfloat16, hence the cast on torch's side
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=np.float64)
