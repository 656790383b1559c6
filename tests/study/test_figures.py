"""Figures on hand-made values: their numbers are those of the CSV beside them, and they look as they did.

Pictures are compared at 120 pixels' width with those in `pictures/`; LMMS_VG_DRAW_AGAIN=1 writes these anew, to be looked at.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from studies import question, run_named, task_of

from lmms_vg.paper.published import table
from lmms_vg.runs.results import Run
from lmms_vg.study import curves
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.figures import content_figure, curve_figure, radar_figure, token_figure

PICTURES = Path(__file__).parent / "pictures"
WIDTH = 120

#: Mean difference in grey levels that fonts and versions of matplotlib make; a line more or less makes 1 or more.
TOLERANCE = 0.8

RNG = np.random.default_rng(11)
SHAPE = np.array([3.0, 2.0, 1.5, 2.5])


def small(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as picture:
        height = round(picture.height * WIDTH / picture.width)
        return np.asarray(picture.convert("L").resize((WIDTH, height), Image.Resampling.BOX), dtype=np.float64)


def difference(drawn: Path, kept: Path) -> float:
    first, second = small(drawn), small(kept)
    height = min(len(first), len(second))
    assert abs(len(first) - len(second)) <= 3, "of another shape"
    return float(np.abs(first[:height] - second[:height]).mean())


def looks_as_before(drawn: Path) -> None:
    kept = PICTURES / drawn.name
    if os.environ.get("LMMS_VG_DRAW_AGAIN"):
        PICTURES.mkdir(exist_ok=True)
        Image.fromarray(small(drawn).round().astype(np.uint8)).save(kept)
    assert difference(drawn, kept) < TOLERANCE


def read(paths: list[Path]) -> list[dict[str, str]]:
    return list(csv.DictReader(paths[-1].open(encoding="utf-8")))


def watched(rows: str, shift: float) -> StudiedTask:
    run = run_named()
    own = Run(run.path, "m", "", provenance={**(run.provenance or {}), "rows": rows})
    values = SHAPE + shift + 0.2 * RNG.standard_normal((40, 4))
    return task_of(values, run=own, AR=values[:, ::-1], JS=values / 10, placement=np.clip(values / 4, 0, 1))


def test_token_selections_have_a_line_each(tmp_path: Path) -> None:
    tasks = [watched(rows, shift) for rows, shift in (("last", 0.0), ("question", 1.0), ("all", 2.0))]
    paths = token_figure.draw(curves.curves(tasks), tmp_path)
    assert [path.name for path in paths[::2]] == ["tokens_huatuo_demo_plain_vgmed_localization.png", paths[-1].name]
    rows = read(paths)
    found = [float(row["mean"]) for row in rows if row["measure"] == "KL"]
    assert found == pytest.approx(np.concatenate([task.values["KL"].mean(axis=0) for task in tasks]).tolist())
    assert token_figure.draw(curves.curves(tasks[:1]), tmp_path / "one") == [], "one selection is no comparison"
    looks_as_before(paths[0])
    fewer = token_figure.draw(curves.curves(tasks[:2]), tmp_path / "fewer")
    assert difference(fewer[0], PICTURES / paths[0].name) > TOLERANCE, "a line less is seen"


def asked(tasks: dict[str, list[float]]) -> Any:
    scored = {name: SimpleNamespace(scores=dict(enumerate(scores))) for name, scores in tasks.items()}
    return SimpleNamespace(tasks=scored, provenance=None, model="mine", label="plain")


def test_radars_have_the_published_cells_and_the_means_of_runs(tmp_path: Path) -> None:
    names = [f"omnimedvqa_{name}" for name in ("ct", "fp", "mri", "oct", "der", "mic", "xray", "us")]
    run = asked({name: [1.0] * number + [0.0] * (10 - number) for number, name in enumerate(names, start=2)})
    paths = radar_figure.draw([run], tmp_path)
    rows = read(paths)
    own = {row["column"]: float(row["accuracy"]) for row in rows if row["kind"] == "own run"}
    assert own == {name: 10.0 * number for number, name in enumerate(table("3").columns[:-1], start=2)}
    assert {row["n"] for row in rows if row["kind"] == "own run"} == {"10"}
    printed = {(row["row"], row["column"]): float(row["accuracy"]) for row in rows if row["kind"] == "published"}
    assert printed["HuatuoGPT-V-7B", "X-Ray"] == 74.2, "as the paper's Table 3 prints it"
    assert {row["table"] for row in rows} == {"3"}, "it did not ask MMMU"
    looks_as_before(paths[0])
    assert radar_figure.draw([asked({"omnimedvqa_ct": [1.0]})], tmp_path / "part") == []


def test_curves_of_both_sides(tmp_path: Path) -> None:
    run = run_named()
    sides = [
        task_of(SHAPE + shift + 0.2 * RNG.standard_normal((40, 4)), name, run)
        for name, shift in (("vgmed_localization", 1.0), ("vgmed_coco_localization", 0.0))
    ]
    paths = curve_figure.draw(curves.curves(sides), tmp_path)
    looks_as_before(tmp_path / "curves_localization.png")
    found = [row for row in read(paths[:3]) if (row["side"], row["quantity"]) == ("natural", "value")]
    assert [float(row["mean"]) for row in found] == pytest.approx(sides[1].values["KL"].mean(axis=0).tolist())


def test_contents_are_counted_once_whoever_answered(tmp_path: Path) -> None:
    organs = ["liver"] * 5 + ["spleen"] * 3
    questions = [question(i, organ=organ, patches=2 + i) for i, organ in enumerate(organs)]
    rows = content_figure.table_rows([*questions, *questions])
    found = {(row["axis"], row["category"]): (row["n"], row["images"]) for row in rows}
    assert found["organ", "liver"] == (5, 3)
    assert found["organ", "spleen"] == (3, 2)
    assert found["modality", "CT"] == (8, 4)
    assert sum(n for (axis, _), (n, _) in found.items() if axis == "box share") == 8
    paths = content_figure.draw(rows, tmp_path)
    looks_as_before(paths[0])
    assert content_figure.draw([], tmp_path / "none") == []
