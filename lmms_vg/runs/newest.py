"""Find the newest run under a folder: by the moment in the name of its results file, whatever the time zone of the name.

lmms-eval names files by the time of a zone (`--timezone`, Singapore's by default), and `lmms-vg run` by local time, so one
folder may hold both. The results file states the zone. The time at which a file was written is no guide, since copying
changes it.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from lmms_vg._util.json_text import parse_json

#: Zone of a results file that states none.
SINGAPORE = timezone(timedelta(hours=8))
_NEVER = datetime.min.replace(tzinfo=timezone.utc)


def newest_first(folder: Path) -> list[Path]:
    """Return the results files under a folder; of two from one second, the last by name and then by path comes first.

    Raises:
        ValueError: there is none.
    """
    paths = list(folder.rglob("[0-9]*_results.json"))
    if not paths:
        raise ValueError(f"{folder}: no *_results.json under it; name the --output_path of a finished run")
    if len(paths) == 1:  # the usual case, which needs no second reading
        return paths
    return sorted(paths, key=lambda path: (moment(path), path.name, path), reverse=True)


def moment(path: Path) -> datetime:
    """Return the moment in the name of a results file; the earliest that there is for a name that holds none."""
    try:
        stated = datetime.strptime(path.name.removesuffix("_results.json"), "%Y%m%d_%H%M%S")
    except ValueError:
        return _NEVER
    return stated.replace(tzinfo=_zone(path)).astimezone(timezone.utc)


def _zone(path: Path) -> tzinfo:
    try:
        config: Any = parse_json(path.read_bytes())["config"]
        return ZoneInfo(config["resolved_cli_args"]["timezone"])
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
    ):  # no such zone is a KeyError; of a damaged file, reading it says more
        return SINGAPORE
