"""Token rows of one run in a study: curves and a figure of all of them, and everything else of the first alone."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from journals import record
from looks import EVEN, GRID, asked, seeing
from saved_run import IDENTITY

from lmms_vg.journal import Journal, QuestionMap, ReferenceMap, further_key
from lmms_vg.metrics.alignment import align
from lmms_vg.runs.results import Run
from lmms_vg.runs.tidy_rows import write_csv
from lmms_vg.study import curves
from lmms_vg.study.build import build
from lmms_vg.study.collect import collect
from lmms_vg.study.figures import curve_figure, token_figure
from lmms_vg.study.run_names import rows_of

ROWS = ("last", "question", "all")
N = 16


def stated(one: QuestionMap) -> dict[str, list[float]]:
    values = align(one.maps.restored()[:, None], one.reference.maps.restored()[:, None], one.mask.ravel(), one.key)
    return {name: column.tolist() for name, column in values._asdict().items()}


def maps_of(rows: str) -> list[QuestionMap]:
    return [replace(one, rows=rows) for one in asked(seeing, n=N, seed=ROWS.index(rows))]


def beside(one: QuestionMap, first: QuestionMap) -> QuestionMap:
    """The maps of other rows of the same question: on its box, under a key of their own."""
    reference = ReferenceMap(further_key("even", one.rows), GRID, EVEN)
    return replace(one, key=further_key(one.key, one.rows), mask=first.mask, reference=reference)


def run_with(folder: Path, *rows: str, task: str = "t") -> Run:
    """A run of these rows, of which questions have the same boxes whatever the rows."""
    boxes, kept = maps_of("last"), []
    for one in rows:
        further = [beside(other, first) for other, first in zip(maps_of(one), boxes, strict=True)]
        own = [
            replace(other, key=first.key, reference=first.reference)
            for other, first in zip(further, boxes, strict=True)
        ]
        kept.append(own if one == rows[0] else further)
    with Journal(folder, provenance=IDENTITY) as made:
        for first, *others in zip(*kept, strict=True):
            values: dict[str, Any] = stated(first)
            if others:
                values["selections"] = {other.rows: stated(other) for other in others}
            made.write([record(first.key, task=task, image=first.image, alignment=values)], [first, *others])
    said = {"rows": rows[0]} | ({"further_rows": [*rows[1:]]} if rows[1:] else {})
    means: dict[str, Any] = {"ar": 1.5, "kl": 1.0, "js": 0.2, "best_layer": 0, "n": N}
    return Run(folder, "m", "", measured=[task], means={task: means}, provenance=IDENTITY | said)


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(encoding="utf-8")))


def test_one_run_collects_what_a_run_per_selection_does(tmp_path: Path) -> None:
    together = run_with(tmp_path / "every", *ROWS)
    study = collect([together])
    alone = {rows: collect([run_with(tmp_path / rows, rows)]).tasks[0] for rows in ROWS}
    assert rows_of(together) == ROWS
    (first,) = study.tasks
    assert [task.rows for task in (first, *study.further)] == [*ROWS]
    assert [task.method for task in (first, *study.further)] == ["plain", "plain, rows=question", "plain, rows=all"]
    for task in (first, *study.further):
        own = alone[task.rows]
        assert (task.method, task.rows) == (own.method, own.rows)
        for name in ("values", "level", "excess", "steered", "even"):
            for measure, table in getattr(task, name).items():
                np.testing.assert_array_equal(table, getattr(own, name)[measure])
        lift, expected = task.lift(3), own.lift(3)
        assert lift is not None
        np.testing.assert_array_equal(lift, expected)
    assert not np.array_equal(first.values["KL"], study.further[0].values["KL"])


def test_the_journal_of_the_further_rows_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_with(tmp_path / "journal", *ROWS)
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "empty"))
    (tmp_path / "x_samples_t.jsonl").write_text('{"kl": {"kl": [1]}, "ar": {"ar": [1]}, "js": {"js": [0]}}\n')
    with pytest.raises(ValueError, match="no placement, no rows=question, no rows=all"):
        collect([replace(run, path=tmp_path / "x_results.json")])


@pytest.mark.slow
def test_the_figure_of_one_run_is_that_of_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("box_figure", "content_figure", "own_layer_figure", "strip_figure"):
        monkeypatch.setattr(f"lmms_vg.study.figures.{name}.draw", lambda *_: [])  # which have nothing of it
    monkeypatch.setattr(curve_figure, "save", lambda _, folder, name, rows: write_csv(name, rows, folder))
    build([run_with(tmp_path / "every", *ROWS)], tmp_path / "one")
    several = collect([run_with(tmp_path / rows, rows) for rows in ROWS])
    token_figure.draw(curves.curves(several.tasks), tmp_path / "several" / "figures")
    name = "figures/tokens_huatuo_demo_plain_t"
    for suffix in (".csv", ".png"):
        assert (tmp_path / f"one/{name}{suffix}").read_bytes() == (tmp_path / f"several/{name}{suffix}").read_bytes()
    rows = read(tmp_path / f"one/{name}.csv")
    boxes = maps_of("last")
    for selection in ROWS:
        maps = [beside(m, first) for m, first in zip(maps_of(selection), boxes, strict=True)]
        by_hand = np.mean([stated(one)["kl"] for one in maps], axis=0)
        found = [float(row["mean"]) for row in rows if (row["rows"], row["measure"]) == (selection, "KL")]
        assert found == pytest.approx(by_hand.tolist())
    every = read(tmp_path / "one/tables/curves.csv")
    assert {tuple(row.values()) for row in rows} < {tuple(row.values()) for row in every}
    assert {row["rows"] for row in every} == {*ROWS}
    for table in ("headline", "breakdown"):
        assert {row["method"] for row in read(tmp_path / f"one/tables/{table}.csv")} == {"plain"}, "of the first alone"
    drawn = read(tmp_path / "one/figures/curves_answered.csv")
    assert {row["rows"] for row in drawn} == {"last"}
