"""Tables on disk: both forms hold the same, empty cells are empty, and the same rows give the same bytes."""

from __future__ import annotations

import csv
from pathlib import Path

from pyarrow import parquet

from lmms_vg import __version__
from lmms_vg.study.study_table import StudyTable, signatures

ROWS = [{"name": "a,b", "value": 0.1, "n": 1, "yes": True}, {"name": None, "value": float("nan"), "n": 2, "yes": False}]


def test_csv_and_parquet_hold_the_same(tmp_path: Path) -> None:
    paths = StudyTable("t", ROWS).write(tmp_path)
    assert [path.name for path in paths] == ["t.csv", "t.parquet"]
    table = parquet.read_table(paths[1])
    assert table.to_pylist()[1] == {
        "name": None,
        "value": None,
        "n": 2,
        "yes": False,
        "seed": 0,
        "version": __version__,
    }
    assert table.schema.metadata[b"lmms_vg"].decode() == signatures("image")
    read = list(csv.DictReader(paths[0].open()))
    assert read[0] == {"name": "a,b", "value": "0.1", "n": "1", "yes": "True", "seed": "0", "version": __version__}
    assert read[1]["value"] == ""


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (StudyTable("t", ROWS).write(tmp_path / name) for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_table_without_rows_is_not_written(tmp_path: Path) -> None:
    assert StudyTable("t", []).write(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_table_states_what_its_intervals_draw(tmp_path: Path) -> None:
    rows = [{"unit": "image", "natural_unit": "image", "n": 1}, {"unit": "patient", "natural_unit": "image", "n": 1}]
    (_, path) = StudyTable("t", rows).write(tmp_path)
    assert "unit:image or patient|" in parquet.read_table(path).schema.metadata[b"lmms_vg"].decode()
