"""Rows as CSV: what is no number is an empty cell, and every row states the seed and the version."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lmms_vg import __version__
from lmms_vg.runs.tidy_rows import write_csv


def test_every_row_states_seed_and_version(tmp_path: Path) -> None:
    values = [np.float64(0.1), float("nan"), float("-inf"), None, 3]
    (path,) = write_csv("t", [{"name": "a,b", "value": value} for value in values], tmp_path)
    assert path == tmp_path / "t.csv"
    lines = [f'"a,b",{value},0,{__version__}' for value in ("0.1", "", "", "", "3")]
    assert path.read_text(encoding="utf-8") == "\n".join(["name,value,seed,version", *lines, ""])


def test_without_rows_nothing_is_written(tmp_path: Path) -> None:
    assert write_csv("t", [], tmp_path / "none") == []
    assert not (tmp_path / "none").exists()
