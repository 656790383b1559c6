"""What a method is: a frozen dataclass of hyper-parameters that prefills a batch of questions its own way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from lmms_vg.attention.session import Batch
from lmms_vg.models.checkpoint import Shape


@dataclass(frozen=True)
class Method(ABC):
    """Base of all methods. `repr(method)` names the method and every hyper-parameter; it is saved with every result."""

    #: Second half of `<family>_<method>`.
    name: ClassVar[str]

    @classmethod
    def for_checkpoint(cls, shape: Shape, **hyper_parameters: Any) -> Method:
        """The method with hyper-parameters resolved and checked against a checkpoint, before its weights are loaded.

        Raises:
            ValueError: naming field, value and what is allowed.
        """
        return cls(**hyper_parameters)

    @classmethod
    def options(cls) -> tuple[str, ...]:
        """Names of the hyper-parameters that `--model_args` may give."""
        return tuple(field.name for field in fields(cls))

    @abstractmethod
    def prefill(self, batch: Batch) -> list[dict[str, Any]]:
        """Prefill the batch, so that decoding may start; returns what the journal should keep, per question."""
