"""Layers and heads that a user or a list names: read from text, and checked against the checkpoint."""

from __future__ import annotations

import re

from lmms_vg.methods.head_list import Head
from lmms_vg.models.checkpoint import Shape


def parse_layers(layers: str | int) -> tuple[int, ...]:
    """Parse 0-based layers, `16` or `34+35+36`, into a sorted tuple.

    Raises:
        ValueError: the text has another form.
    """
    if isinstance(layers, bool) or not re.fullmatch(r"\d+(\+\d+)*", str(layers)):
        raise ValueError(f"layers={layers!r}: allowed is a 0-based layer or several joined by +, such as 34+35+36")
    return tuple(sorted({int(layer) for layer in str(layers).split("+")}))


def check_layers(layers: tuple[int, ...], shape: Shape) -> None:
    """Check that the checkpoint has these layers.

    Raises:
        ValueError: it lacks a layer.
    """
    for layer in layers:
        if not 0 <= layer < shape.layers:
            raise ValueError(f"layers={layer}: {shape.pretrained!r} allows 0 to {shape.layers - 1}")


def check_heads(heads: list[Head], shape: Shape) -> None:
    """Check that the checkpoint has these heads, and that each is listed once.

    Raises:
        ValueError: it lacks a head, or a head is listed twice.
    """
    for layer, head in heads:
        if not (0 <= layer < shape.layers and 0 <= head < shape.heads):
            raise ValueError(
                f"heads={layer}-{head}: {shape.pretrained!r} allows layers 0 to {shape.layers - 1} "
                f"and heads 0 to {shape.heads - 1}"
            )
    if len(set(heads)) != len(heads):
        layer, head = next(pair for pair in heads if heads.count(pair) > 1)
        raise ValueError(f"heads={layer}-{head} is listed twice")
