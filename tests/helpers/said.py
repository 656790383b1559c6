"""Saved runs of yes/no questions, from what was said and what is right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from saved_run import IDENTITY, closed, save, spec

from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run


def said_run(
    folder: Path,
    said: Sequence[bool | None],
    truth: Sequence[bool],
    method: str = "plain",
    each: int = 4,
    identity: dict[str, Any] | None = None,
    **hyper_parameters: Any,
) -> Run:
    """A run with `each` questions per image; what was said is None where it could not be read."""
    lines = []
    for number, (yes, right) in enumerate(zip(said, truth, strict=True)):
        line = closed(f"q{number}", int(yes is not None and bool(yes) == bool(right)), f"i{number // each}")
        line["acc"]["extracted"] = None if yes is None else "yes" if yes else "no"
        line["unparseable"]["unparseable"] = yes is None
        lines.append(line | {"target": "Yes" if right else "No"})
    run = IDENTITY | {"method": spec(method, **hyper_parameters)} | (identity or {})
    return read_run(save(folder, {"t": lines}, run=run))
