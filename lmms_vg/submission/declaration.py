"""Declarations of runs of other models than ours: the name, endpoint, date and arguments in the results file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from lmms_vg._util.field_errors import said
from lmms_vg._util.json_text import parse_json
from lmms_vg.runs.results import Run
from lmms_vg.submission.findings import rejected
from lmms_vg.submission.schema import Declaration

#: Arguments that name a checkpoint or a version, in the order in which lmms-eval names its folder of results.
_NAMES = ("pretrained", "model", "model_version", "model_name", "model_id", "path", "engine")

_SECRET = re.compile(r"(?:^|_)(?:key|token|secret|password)$", re.IGNORECASE)
_FOLDERS = re.compile(r"^[~./].*/(?=[^/])")  # a hub id has a slash, too, but begins otherwise
_COMMA = re.compile(r",(?=[A-Za-z_][A-Za-z0-9_]*=)")  # other commas belong to the value in front of them


def declaration(runs: Sequence[Run]) -> Declaration:
    """Return what runs of one model that is not ours say about it; `identity.conflicts` compares them first.

    Raises:
        Rejected: the results file does not say when the run started, or a bundle cannot hold what it says (`provenance`).
    """
    every = [_of(run) for run in runs]
    return every[0].model_copy(update={"dates": sorted({date for entry in every for date in entry.dates})})


def same_model(first: Run, second: Run) -> bool:
    """Return whether two runs say the same about their model, the dates aside."""
    left, right = (_of(run).model_dump(exclude={"dates"}) for run in (first, second))
    return left == right


def _of(run: Run) -> Declaration:
    results = parse_json(run.path.read_bytes())
    config = results["config"]
    arguments = _arguments(config.get("model_args"))
    named = next((name for name in _NAMES if arguments.get(name)), None)
    endpoint = next((name for name, value in arguments.items() if _host(value)), None)
    try:
        return Declaration(
            model=str(config["model"]),
            name=None if named is None else str(arguments[named]),
            host=None if endpoint is None else _host(arguments[endpoint]),
            dates=[_date(run, results.get("date"))],
            arguments={name: value for name, value in arguments.items() if name not in (named, endpoint)},
        )
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise rejected("provenance", f"{run.path.name} {where}", f"{said(first)}, to be stated in a bundle") from None


def _arguments(given: Any) -> dict[str, Any]:
    """Return `--model_args` by name: no secrets, and of paths only the last part."""
    if isinstance(given, str):
        given = dict(part.partition("=")[::2] for part in _COMMA.split(given) if "=" in part)
    return {name: _shown(value) for name, value in (given or {}).items() if not _SECRET.search(name)}


def _shown(value: Any) -> Any:
    if isinstance(value, bool | int | float | None):
        return value
    return _FOLDERS.sub("", str(value))


def _host(value: Any) -> str | None:
    """Return the host of an address."""
    return urlsplit(value).hostname if isinstance(value, str) and "://" in value else None


def _date(run: Run, stamp: Any) -> str:
    try:
        return datetime.strptime(str(stamp)[:8], "%Y%m%d").date().isoformat()
    except ValueError:
        raise rejected(
            "provenance", run.path.name, f"date is {stamp!r}; lmms-eval writes one such as 20260131_120000"
        ) from None
