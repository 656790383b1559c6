"""Maps as Parquet: read back with pyarrow alone, they give the values that the run measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from journals import record
from loguru import logger
from maps import question_map

from lmms_vg.cli.main import main
from lmms_vg.journal import Journal, further_key, home
from lmms_vg.runs.map_export import SCHEMA, MapsExported, export_maps

LAYERS, GRID = 3, (4, 5)


def hand_values(key: str) -> dict[str, list[float]]:
    """AR and KL of a question's kept maps, by their definitions."""
    kept = question_map(key, layers=LAYERS, grid=GRID)
    looks = kept.maps.restored() / kept.reference.maps.restored()
    inside = looks[:, kept.mask.ravel()]
    share = inside / looks.sum(axis=1, keepdims=True)
    ar = inside.mean(axis=1) / looks.mean(axis=1)
    kl = -np.log(share * inside.shape[1]).mean(axis=1)
    return {"ar": ar.tolist(), "kl": kl.tolist(), "js": [0.0] * LAYERS}


def journal(folder: Path, *keys: str, **more: object) -> Path:
    with Journal(folder) as made:
        for key in keys:
            values = hand_values(key)
            made.write(
                [record(key, image="i", alignment=values, **more)], [question_map(key, layers=LAYERS, grid=GRID)]
            )
    return folder


def test_what_is_read_back_gives_the_values_of_the_run(tmp_path: Path) -> None:
    folder = journal(tmp_path / "j", "a", "b", patient="own/patient 7")
    axes = ((640, 5, 0, 640), (480, 4, 40, 480))
    with Journal(folder) as made:
        made.write([record("c", alignment=hand_values("c"))], [question_map("c", layers=LAYERS, grid=GRID, axes=axes)])
        made.write(
            [
                record("d", alignment=hand_values("d")),
                record("e"),
                record("bad", text="", error="x", error_code="model"),
            ]
        )
    found = export_maps([folder], tmp_path / "maps.parquet")
    assert found == MapsExported(questions=3, rows=9, without=1)
    table = pq.read_table(tmp_path / "maps.parquet")
    assert table.schema.equals(SCHEMA)
    rows = table.to_pylist()
    assert [(row["uid"], row["layer"]) for row in rows] == [(f"u/{key}", layer) for key in "abc" for layer in range(3)]
    for row in rows:
        question = np.array(row["question"]) * row["question_max"]
        reference = np.array(row["reference"]) * row["reference_max"]
        looks, mask = question / reference, np.array(row["mask"])
        assert looks.shape == (row["grid_rows"] * row["grid_cols"],)
        assert looks[mask].mean() / looks.mean() == pytest.approx(row["ar"], rel=1e-3)
        assert -np.log(looks[mask] / looks.sum() * mask.sum()).mean() == pytest.approx(row["kl"], abs=1e-3)
        assert (row["even_ar"], row["even_kl"]) == (1.0, pytest.approx(np.log(20 / 2)))
        assert np.array(row["question"]).max() == 1.0
        assert (row["rows"], row["view"], row["task"], row["journal"]) == ("last", 0, "t", "j")
    assert [row["patient"] for row in rows[::3]] == ["own/patient 7", "own/patient 7", None]
    assert [(row["image_width"], row["image_height"]) for row in rows[::3]] == [(None, None), (None, None), (640, 480)]
    kept = question_map("b", layers=LAYERS, grid=GRID)
    np.testing.assert_array_equal(rows[4]["question"], kept.maps.cells[1].astype(np.float32))
    assert rows[4]["question_on_image"] == kept.maps.share[1]


def test_every_selection_of_token_rows_has_rows_and_values_of_its_own(tmp_path: Path) -> None:
    names = {None: "a", "question": further_key("a", "question"), "all": further_key("a", "all")}
    stated = hand_values("a") | {"selections": {rows: hand_values(key) for rows, key in names.items() if rows}}
    with Journal(tmp_path / "j") as made:
        kept = [question_map(key, layers=LAYERS, grid=GRID, rows=rows or "last") for rows, key in names.items()]
        made.write([record("a", image="i", alignment=stated)], kept)
    assert export_maps([tmp_path / "j"], tmp_path / "maps.parquet") == MapsExported(questions=1, rows=9, without=0)
    rows = pq.read_table(tmp_path / "maps.parquet").to_pylist()
    assert [row["rows"] for row in rows[::3]] == ["last", "question", "all"]
    assert {(row["uid"], row["key"]) for row in rows} == {("u/a", "a")}
    for row in rows:
        key = names[None if row["rows"] == "last" else row["rows"]]
        assert row["kl"] == hand_values(key)["kl"][row["layer"]]
        maps = question_map(key, layers=LAYERS, grid=GRID).maps
        np.testing.assert_array_equal(row["question"], maps.cells[row["layer"]].astype(np.float32))


def test_a_question_without_boxes_has_maps_but_no_values(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as made:
        made.write([record("a")], [question_map("a", layers=2, grid=GRID, mask=np.zeros(GRID, bool))])
    export_maps([tmp_path / "j"], tmp_path / "maps.parquet")
    rows = pq.read_table(tmp_path / "maps.parquet").to_pylist()
    assert [(row["ar"], row["even_ar"], any(row["mask"])) for row in rows] == [(None, None, False)] * 2


def test_nothing_to_write_writes_no_file(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as made:
        made.write([record("a")])
    with pytest.raises(ValueError, match="j: no question has a map; only tasks with boxes"):
        export_maps([tmp_path / "j"], tmp_path / "maps.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["j"]


def test_a_damaged_map_is_left_out_and_said(tmp_path: Path) -> None:
    folder = journal(tmp_path / "j", "a", "b")
    data = bytearray((folder / "rank0.maps").read_bytes())
    data[-1] ^= 1
    (folder / "rank0.maps").write_bytes(data)
    heard: list[str] = []
    sink = logger.add(lambda message: heard.append(str(message)), level="WARNING")
    assert export_maps([folder], tmp_path / "maps.parquet") == MapsExported(questions=1, rows=3, without=1)
    logger.remove(sink)
    assert "its maps are left out" in "".join(heard)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal(home() / "journal" / "huatuo_plain-1", "a")
    out = tmp_path / "maps.parquet"
    assert main(["journal", "export", "huatuo*", "-o", str(out)]) == 0
    assert f"{out}: 1 questions, 3 rows, " in capsys.readouterr().out
    assert main(["journal", "export", "huatuo*", "-o", str(out)]) == 2
    assert "already exists" in capsys.readouterr().err
    assert main(["journal", "export", "huatuo*", "-o", str(tmp_path / "maps.csv")]) == 2
    assert "allowed is a .zip file, or a .parquet file for the maps" in capsys.readouterr().err
