"""A method's identity, as runs are signed with it and bundles store it: its name and every hyper-parameter."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

_LONG = 3  # longest list that a table shows in full; of longer ones it shows the length

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,60}$")]
Scalar = Annotated[str, Field(max_length=2_000)] | bool | int | Annotated[float, Field(allow_inf_nan=False)] | None
Pair = Annotated[list[Scalar], Field(max_length=100)]
HyperParameters = Annotated[
    dict[Identifier, Scalar | Annotated[list[Scalar | Pair], Field(max_length=10_000)]], Field(max_length=50)
]


class MethodSpec(BaseModel):
    """The result of `Method.spec`.

    Attributes:
        name: second half of `<family>_<method>`.
        hyper_parameters: name -> value; lists hold layers, or pairs of layer and head.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Identifier
    hyper_parameters: HyperParameters

    @property
    def arguments(self) -> dict[str, str]:
        """Hyper-parameters with a value, as `--model_args` takes them (layers 34+35, heads 15-4+16-5)."""
        return {name: _typed(value) for name, value in self.hyper_parameters.items() if value is not None}

    @property
    def shown(self) -> str:
        """Hyper-parameters for a table's cell: long lists as their length.

        >>> MethodSpec(name="vgrefine", hyper_parameters={"heads": [[1, 1], [1, 0], [2, 3], [1, 2]], "p": 50.0}).shown
        '4 heads, p=50'
        """
        return ", ".join(
            f"{len(value)} {name}"
            if isinstance(value := self.hyper_parameters[name], list) and len(value) > _LONG
            else f"{name}={text}"
            for name, text in self.arguments.items()
        )

    @property
    def label(self) -> str:
        """Name and hyper-parameters for a table's cell, hyper-parameters sorted by name as in bundles."""
        ordered = self.model_copy(update={"hyper_parameters": dict(sorted(self.hyper_parameters.items()))})
        return f"{self.name} ({ordered.shown})" if ordered.shown else self.name

    def __str__(self) -> str:
        """Return name and all hyper-parameters."""
        return f"{self.name} {','.join(f'{name}={text}' for name, text in self.arguments.items())}".strip()


def under(method: str, control: str | None) -> str:
    """Name a method of a run whose questions were changed by a control.

    >>> under("vgrefine", "blank_image"), under("vgrefine", None)
    ('vgrefine, blank_image', 'vgrefine')
    """
    return f"{method}, {control}" if control else method


def _typed(value: Any) -> str:
    """Format a value as users type it: true, not True; 50, not 50.0.

    >>> _typed([[15, 4], [16, 5]])
    '15-4+16-5'
    """
    if isinstance(value, list):
        return "+".join("-".join(map(_typed, item)) if isinstance(item, list) else _typed(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
