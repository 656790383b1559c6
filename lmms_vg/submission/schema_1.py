"""Read bundles of schema 1 as bundles of the current schema.

In schema 1 a method was the text of its `repr`, an error had only words, and protocols of tasks had other names. The rules
that read these are kept here, and nowhere else.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from lmms_vg._util.error_codes import ErrorCode
from lmms_vg.runs.method_spec import MethodSpec

VERSION = 1

_CALL = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,60})\(.*\)")
_LONGEST = 20_000

#: Methods whose names have more than one word; every other name is its class's in lower case.
_NAMES = {
    "RandomMask": "random_mask",
    "InverseMask": "inverse_mask",
    "OracleMask": "oracle_mask",
    "AttentionLens": "attention_lens",
}

#: Words of an error -> its code; all other errors were failures of the model.
_CODES: dict[str, ErrorCode] = {
    "lie in the part of the image that the model does not see": "unmeasurable",
    "no question tokens behind the image": "unmeasurable",
    "no box to measure attention against": "no_boxes",
    "need four finite numbers": "bad_box",
    "is empty or inverted": "bad_box",
    "lies outside the image": "bad_box",
    "the reference answer ": "question",
    "reference '": "question",
}


def manifest(value: dict[str, Any]) -> dict[str, Any]:
    """Convert a manifest of schema 1 to schema 2; mistakes in it are left for validation to find."""
    run = value.get("run")
    if isinstance(run, dict) and isinstance(run.get("method"), str):
        run = run | {"method": _method(run["method"])}
    elif isinstance(run, dict):
        run = run | {"method": None}
    tasks = value.get("tasks")
    if isinstance(tasks, dict):
        tasks = {name: _task(task, value.get("protocol")) for name, task in tasks.items()}
    return value | {"run": run, "tasks": tasks, "schema_version": 2}


def _task(task: Any, protocol: Any) -> Any:
    """Convert a task's protocol: "paper" meant either of the paper's selections of questions, "vgmed" a measurement."""
    if not isinstance(task, dict):
        return task
    word = task.get("protocol")
    return task | {"protocol": protocol if word == "paper" else None if word == "vgmed" else word}


def answer(value: Any) -> Any:
    """Convert an answer's line of schema 1 to schema 2."""
    if not isinstance(value, dict) or not isinstance(value.get("error"), str):
        return value
    code = next((code for words, code in _CODES.items() if words in value["error"]), "model")
    return value | {"error_code": code}


def _method(text: str) -> Any:
    """Parse a method's identity from its `repr`; return the text unchanged if it is not the call of a class."""
    call = _CALL.fullmatch(text)
    if call is None or len(text) > _LONGEST:
        return text
    name = _NAMES.get(call[1], call[1].lower())
    try:
        keywords = ast.parse(text, mode="eval").body.keywords  # type: ignore[attr-defined]
        given = json.loads(json.dumps({keyword.arg: ast.literal_eval(keyword.value) for keyword in keywords}))
        return MethodSpec(name=name, hyper_parameters=given).model_dump()
    except (
        SyntaxError,
        ValueError,
        TypeError,
        AttributeError,
        MemoryError,
        RecursionError,
    ):  # not a call with plain values
        return {"name": name, "hyper_parameters": {"repr": text[:2_000]}}
