"""What a run of another model than ours says about itself: the name, endpoint, date and arguments in its results file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from lmms_vg._util.json_text import parse_json
from lmms_vg.journal import without_folders
from lmms_vg.runs.results import Run
from lmms_vg.submission.findings import rejected
from lmms_vg.submission.schema import Declaration

#: Arguments that name a checkpoint or a version, in the order in which lmms-eval names its folder of results.
_NAMES = ("pretrained", "model", "model_version", "model_name", "model_id", "path", "engine")

_SECRET = re.compile(r"(?:^|_)(?:key|token|secret|password)$", re.IGNORECASE)
_COMMA = re.compile(r",(?=[A-Za-z_][A-Za-z0-9_]*=)")  # other commas belong to the value in front of them


def declaration(runs: Sequence[Run]) -> Declaration:
    """Return what runs of one model that is not ours say about it; `identity.conflicts` compares them first.

    Raises:
        Rejected: the results file does not say when the run started (`provenance`).
    """
    every = [_of(run) for run in runs]
    return every[0].model_copy(update={"dates": sorted({date for one in every for date in one.dates})})


def same_model(first: Run, second: Run) -> bool:
    """Return whether two runs say the same about their model, the dates aside."""
    one, other = (_of(run).model_dump(exclude={"dates"}) for run in (first, second))
    return one == other


def _of(run: Run) -> Declaration:
    results = parse_json(run.path.read_bytes())
    config = results["config"]
    arguments = _arguments(config.get("model_args"))
    hosts = [host for value in arguments.values() if (host := _host(value))]
    name = next((arguments[name] for name in _NAMES if arguments.get(name)), None)
    others = {key: value for key, value in arguments.items() if key not in _NAMES and not _host(value)}
    return Declaration(
        model=str(config["model"]),
        name=None if name is None else str(name),
        host=hosts[0] if hosts else None,
        dates=[_date(run, results.get("date"))],
        arguments=others,
    )


def _arguments(given: Any) -> dict[str, Any]:
    """Return `--model_args` by name: no secrets, and of folders only their names."""
    if isinstance(given, str):
        given = dict(part.partition("=")[::2] for part in _COMMA.split(given) if "=" in part)
    kept = {name: value for name, value in (given or {}).items() if not _SECRET.search(name)}
    plain = {
        name: value if isinstance(value, str | bool | int | float | None) else str(value)
        for name, value in kept.items()
    }
    shown: dict[str, Any] = without_folders({"settings": plain}).get("settings", {})
    return shown


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
