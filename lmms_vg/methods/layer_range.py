"""A range of layers to edit, as PAI, VAF and Attention Lens state it: from `start` to `end`, exclusive."""

from __future__ import annotations

from typing import Any

from lmms_vg.methods.base import Method, require_integer
from lmms_vg.models.checkpoint import Shape


class LayerRange(Method):
    """A method with hyper-parameters `start` and `end`: it edits the layers from `start` to `end` (exclusive), 0-based."""

    start: int
    end: int

    @property
    def layers(self) -> range:
        return range(self.start, self.end)

    @classmethod
    def for_checkpoint(cls, shape: Shape, **hyper_parameters: Any) -> Method:
        """The default `end` stops at the last layer of the checkpoint; what is given must be within its layers.

        Raises:
            ValueError: a layer the checkpoint does not have.
        """
        made = cls(**hyper_parameters)
        if "end" not in hyper_parameters and made.start < shape.layers < made.end:
            made = cls(**{**hyper_parameters, "end": shape.layers})
        for name, limit in (("start", shape.layers - 1), ("end", shape.layers)):
            if (value := getattr(made, name)) > limit:
                raise ValueError(
                    f"{name}={value}: {shape.pretrained!r} has {shape.layers} layers; allowed is an integer up to {limit} "
                    f"(end is exclusive); give a range of it, for all of them start=0,end={shape.layers}"
                )
        return made


def require_layer_range(method: LayerRange) -> None:
    """Raises ValueError for a `start` or `end` that is no layer number, or a range without a layer."""
    require_integer(method, "start", 0)
    require_integer(method, "end", 1)
    if method.start >= method.end:
        raise ValueError(
            f"start={method.start}: allowed is an integer below end={method.end}; give start and end (exclusive) together"
        )
