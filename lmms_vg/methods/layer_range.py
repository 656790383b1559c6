"""Methods that edit a range of layers, `start` to `end` (exclusive): PAI, VAF and Attention Lens."""

from __future__ import annotations

from typing import Any

from lmms_vg.methods.base import Method, require_integer
from lmms_vg.models.checkpoint import Shape


class LayerRange(Method):
    """A method that edits the 0-based layers from its hyper-parameter `start` to `end` (exclusive)."""

    start: int
    end: int

    @property
    def layers(self) -> range:
        """Layers to edit, 0-based."""
        return range(self.start, self.end)

    @classmethod
    def for_checkpoint(cls, shape: Shape, **hyper_parameters: Any) -> Method:
        """Create the method; the default `end` is at most the checkpoint's depth, and given values must not exceed it.

        Raises:
            ValueError: the checkpoint lacks a layer.
        """
        method = cls(**hyper_parameters)
        if "end" not in hyper_parameters and method.start < shape.layers < method.end:
            method = cls(**{**hyper_parameters, "end": shape.layers})
        for name, limit in (("start", shape.layers - 1), ("end", shape.layers)):
            if (value := getattr(method, name)) > limit:
                raise ValueError(
                    f"{name}={value}: {shape.pretrained!r} has {shape.layers} layers; allowed is an integer up to {limit} "
                    f"(end is exclusive); start=0,end={shape.layers} edits all layers"
                )
        return method


def require_layer_range(method: LayerRange) -> None:
    """Check `start` and `end`.

    Raises:
        ValueError: one of them is not a layer number, or the range is empty.
    """
    require_integer(method, "start", 0)
    require_integer(method, "end", 1)
    if method.start >= method.end:
        raise ValueError(
            f"start={method.start}: allowed is an integer below end={method.end}; give start and end (exclusive) together"
        )
