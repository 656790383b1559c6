"""The base class of methods: a frozen dataclass of hyper-parameters that prefills a batch of questions."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.models.checkpoint import Shape


@dataclass(frozen=True)
class Method(ABC):
    """Base class of all methods. `spec()` identifies a method and is saved with every result; `repr` is for people."""

    #: Second half of `<family>_<method>`.
    name: ClassVar[str]
    #: Number of image prefixes to cache per question, for further questions about the same image.
    prefixes: ClassVar[int] = 1
    #: Whether the method needs the annotated boxes (`batch.targets`); questions without boxes then fail.
    needs_boxes: ClassVar[bool] = False
    #: Whether the method is a control for another one, such as the same edit at random places; controls are never ranked.
    control: ClassVar[bool] = False

    @classmethod
    def for_checkpoint(cls, shape: Shape, **hyper_parameters: Any) -> Method:
        """Create the method, with hyper-parameters resolved and checked against a checkpoint before its weights are loaded.

        Raises:
            ValueError: a hyper-parameter is not allowed; the message names it, its value and what is allowed.
        """
        return cls(**hyper_parameters)

    def check_weights(self, fingerprint: str, dtype: str) -> None:  # noqa: B027 - most methods take any
        """Refuse loaded weights that the hyper-parameters do not belong to.

        Raises:
            ValueError: the message says what to do.
        """

    @classmethod
    def options(cls) -> tuple[str, ...]:
        """Return the names of the hyper-parameters that `--model_args` may contain."""
        return tuple(field.name for field in fields(cls) if field.repr)

    def spec(self) -> dict[str, Any]:
        """Return `{"name": ..., "hyper_parameters": {...}}` as JSON values, the method's part of the journal's key.

        Raises:
            ValueError: a hyper-parameter is not a JSON value.
        """
        return {"name": self.name, "hyper_parameters": {name: self._json_value(name) for name in self.options()}}

    def _json_value(self, name: str) -> Any:
        value = getattr(self, name)
        try:
            return json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError):
            raise ValueError(
                f"{self.name}: {name}={value!r}: allowed is a finite number, a text, true or false, None, or a list of these"
            ) from None

    @abstractmethod
    def prefill(self, batch: Batch) -> Pass:
        """Prefill this batch, or another one in its place, and return the pass from which decoding continues.

        Values for the journal go into the `extras` of the pass. If the hyper-parameters change nothing, the method must make
        no edit at all: its answer is then that of `plain`, bit for bit.
        """


def not_frozen(method: type[Method]) -> str:
    """Return what is wrong with a class that is not itself a frozen dataclass; empty if nothing is."""
    parameters = vars(method).get("__dataclass_params__")
    return (
        "" if parameters and parameters.frozen else "is not a frozen dataclass: write @dataclass(frozen=True) above it"
    )


def require_number(method: Method, name: str, low: float = -math.inf, high: float = math.inf) -> None:
    """Check that a hyper-parameter is a number from `low` to `high`, and convert it to a float.

    Raises:
        ValueError: it is not; the message names the field, its value and what is allowed.
    """
    value = getattr(method, name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high or math.isinf(value):
        bounds = {(False, False): "a number", (True, False): f"a number of at least {low:g}"}
        allowed = bounds.get((math.isfinite(low), math.isfinite(high)), f"a number from {low:g} to {high:g}")
        raise ValueError(f"{name}={value!r}: allowed is {allowed}")
    object.__setattr__(method, name, float(value))


def require_integer(method: Method, name: str, low: int, high: int | None = None) -> None:
    """Check that a hyper-parameter is an integer from `low` to `high`.

    Raises:
        ValueError: it is not; the message names the field, its value and what is allowed.
    """
    value = getattr(method, name)
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        allowed = f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"
        raise ValueError(f"{name}={value!r}: allowed is {allowed}")


def require_image(method: Method, batch: Batch) -> None:
    """Check that the questions of a batch have an image.

    Raises:
        BadQuestion: they have none.
    """
    if not batch.layout.image_tokens.shape[1]:
        raise BadQuestion(f"{method.name} needs an image; this question has none")
