"""JSON that can be read in one way only, and the one way it is written."""

from __future__ import annotations

import json
import math
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lmms_vg import __version__
from lmms_vg.submission.findings import rejected

Model = TypeVar("Model", bound=BaseModel)


_NAMED = 7  # errors of one object


class _NotFinite(ValueError):
    pass


def canonical(value: Any) -> str:
    """One line, keys sorted. Errors: ValueError for NaN and infinity."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def parse(data: bytes, where: str, model: type[Model]) -> Model:
    """Errors: Rejected (``json``, ``not-finite``, ``schema``) for anything that is not exactly a ``model``."""
    return validated(load(data, where), where, model)


def validated(value: Any, where: str, model: type[Model]) -> Model:
    """Errors: Rejected (``schema``, ``json``) for anything that is not exactly a ``model``."""
    try:
        return model.model_validate(value)
    except ValidationError as problem:
        errors = problem.errors(include_url=False, include_input=False)
        named = [f"{'.'.join(map(str, one['loc']))[:200] or 'the whole'}: {_words(one)}" for one in errors[:_NAMED]]
        more = [f"and {len(errors) - _NAMED} more"] if len(errors) > _NAMED else []
        raise rejected("schema", where, "; ".join([*named, *more])) from None
    except RecursionError:
        raise rejected("json", where, "nested too deeply") from None


def _words(error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return f"is no field of lmms_vg {__version__}; if a newer version made it, update lmms_vg"
    return error["msg"]


def load(data: bytes, where: str) -> Any:
    """Errors: Rejected (``json``, ``not-finite``): not UTF-8, two values of one name, NaN, nested deeper than Python reads."""
    try:
        text = data.decode("utf-8")
        value = json.loads(text, parse_constant=_constant, parse_float=_float, object_pairs_hook=_object)
        if "\\u" in text:
            canonical(value).encode()  # half a surrogate pair can be written so, and is no text
        return value
    except _NotFinite as problem:
        raise rejected("not-finite", where, str(problem)) from None
    except (ValueError, RecursionError) as problem:
        raise rejected("json", where, str(problem)[:200] or type(problem).__name__) from None


def _constant(name: str) -> Any:
    raise _NotFinite(f"{name} is no number")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _NotFinite(f"{text[:40]} is larger than any number")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"{twice[:100]!r} is there twice")
    return made
