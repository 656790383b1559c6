"""JSON that can be read in only one way, and the one way to write it."""

from __future__ import annotations

import json
import math
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lmms_vg import __version__
from lmms_vg._util.field_errors import said
from lmms_vg._util.json_text import members
from lmms_vg.submission.findings import rejected

Model = TypeVar("Model", bound=BaseModel)


_NAMED = 7  # errors listed per object


class _NotFinite(ValueError):
    pass


def canonical(value: Any) -> str:
    """Write a value on one line with its keys sorted.

    Raises:
        ValueError: it holds NaN or infinity.
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def parse(data: bytes, where: str, model: type[Model]) -> Model:
    """Read exactly a `model` from JSON.

    Raises:
        Rejected: it is anything else (`json`, `not-finite`, `schema`).
    """
    return validated(load(data, where), where, model)


def validated(value: Any, where: str, model: type[Model]) -> Model:
    """Read exactly a `model` from a value.

    Raises:
        Rejected: it is anything else (`schema`, `json`).
    """
    try:
        return model.model_validate(value)
    except ValidationError as problem:
        errors = problem.errors(include_url=False, include_input=False)
        named = [
            f"{'.'.join(map(str, error['loc']))[:200] or 'the whole'}: {_words(error)}" for error in errors[:_NAMED]
        ]
        more = [f"and {len(errors) - _NAMED} more"] if len(errors) > _NAMED else []
        raise rejected("schema", where, "; ".join([*named, *more])) from None
    except RecursionError:
        raise rejected("json", where, "nested too deeply") from None


def _words(error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return f"is not a field of lmms_vg {__version__}; if a newer version made it, update lmms_vg"
    return said(error)


def load(data: bytes, where: str) -> Any:
    """Read JSON.

    Raises:
        Rejected: it is not UTF-8, has a name twice, or is nested deeper than Python reads (`json`); or it has NaN
            (`not-finite`).
    """
    try:
        text = data.decode("utf-8")
        value = json.loads(text, parse_constant=_constant, parse_float=_float, object_pairs_hook=members)
        if "\\u" in text:
            canonical(value).encode()  # an escape can write half a surrogate pair, which is not text
        return value
    except _NotFinite as problem:
        raise rejected("not-finite", where, str(problem)) from None
    except (ValueError, RecursionError) as problem:
        raise rejected("json", where, str(problem)[:200] or type(problem).__name__) from None


def _constant(name: str) -> Any:
    raise _NotFinite(f"{name} is not a number")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _NotFinite(f"{text[:40]} is too large for a number")
    return value
