"""Of several runs in one folder the newest is taken, though their files are named by the time of different zones."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from saved_run import closed, save

from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.newest import moment, newest_first


def run(folder: Path, stamp: str, zone: str | None) -> Path:
    """A run whose files are named by the time of this zone; None for one that states none."""
    path = save(folder, {"t": [closed("q1", 1)]}, stamp=stamp, folder=(zone or "none").replace("/", "_"))
    results: dict[str, Any] = json.loads(path.read_text())
    if zone is not None:
        results["config"]["resolved_cli_args"] = {"timezone": zone}
    path.write_text(json.dumps(results))
    return path


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("UTC", 12), ("Asia/Singapore", 4), (None, 4), ("America/New_York", 16), ("Etc/GMT-8", 4), ("No/Where", 4)],
)
def test_the_moment_of_a_name_is_that_of_its_zone(tmp_path: Path, zone: str | None, hour: int) -> None:
    path = run(tmp_path, "20260701_120000", zone)
    assert moment(path) == datetime(2026, 7, 1, hour, tzinfo=timezone.utc)


def test_a_later_run_with_an_earlier_name_is_the_newest(tmp_path: Path) -> None:
    """lmms-eval's run at 10:00 in London is named 18:00, ours of an hour later 11:00."""
    hosted = run(tmp_path, "20261128_180000", "Asia/Singapore")
    ours = run(tmp_path, "20261128_110000", "Europe/London")
    os.utime(ours, (0, 0))  # as after copying: the time of the file does not count
    assert newest_first(tmp_path) == [ours, hosted]
    assert read_run(tmp_path).path == ours
    assert read_run(tmp_path).notes[0].startswith(f"2 runs are under {tmp_path}; this is the newest. Others: {hosted} ")


def test_names_without_a_time_and_damaged_files_come_last_or_by_their_names(tmp_path: Path) -> None:
    good = run(tmp_path, "20261128_110000", "UTC")
    damaged = run(tmp_path, "20261128_180000", "UTC")
    damaged.write_text("{")
    other = good.with_name("1_results.json")
    other.write_text("{}")
    assert newest_first(tmp_path) == [good, damaged, other], "18:00 in Singapore is 10:00"
    with pytest.raises(ValueError, match="name the --output_path of a finished run"):
        newest_first(tmp_path / "none")
