"""A study is built of hand-made journals: every figure has its numbers beside it, and what is missing is said."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from head_journals import with_heads
from looks import asked, run_of, seeing, with_hidden
from PIL import Image
from saved_run import IDENTITY, spec

from lmms_vg.runs.results import Run
from lmms_vg.study.build import build
from lmms_vg.study.collect import collect
from lmms_vg.study.head_tables import agreement_table, run_heads
from lmms_vg.study.head_tables import table as head_table

Rows = list[dict[str, str]]


def read(path: Path) -> Rows:
    return list(csv.DictReader(path.open(encoding="utf-8")))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    folder = tmp_path_factory.mktemp("runs")
    plain = run_of(folder / "plain", asked(seeing, n=24))
    method = replace(
        run_of(folder / "method", asked(with_hidden, n=24, seed=1)),
        provenance=IDENTITY | {"method": spec("vgrefine", k=10)},
    )
    return [plain, method]


@pytest.fixture(scope="module")
def built(runs: list[Run], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study") / "out"
    paths, study = build(runs, out)
    assert all(path.is_file() for path in paths)
    assert len(study.tasks) == 2
    return out


@pytest.mark.slow
def test_every_picture_is_there_as_png_as_pdf_and_as_numbers(built: Path) -> None:
    names = {path.stem for path in (built / "figures").glob("*.png")}
    assert {"curves_answered", "excess_answered", "content", "box_size_huatuo_demo_plain"} <= names
    for name in names:
        assert Image.open(built / "figures" / f"{name}.png").info["dpi"] == pytest.approx((200, 200), abs=0.1)
        assert (built / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert read(built / "figures" / f"{name}.csv")


@pytest.mark.slow
def test_curves_are_the_means_of_the_journal(built: Path, tmp_path: Path) -> None:
    (task,) = collect([run_of(tmp_path, asked(seeing, n=24))]).tasks
    rows = [row for row in read(built / "figures" / "excess_answered.csv") if row["method"] == "plain"]
    for measure, values in task.excess.items():
        found = [float(row["mean"]) for row in rows if row["measure"] == measure]
        assert found == pytest.approx(np.nanmean(values, axis=0).tolist())
    assert {row["n"] for row in rows} == {"24"}
    assert {row["images"] for row in rows} == {"12"}


@pytest.mark.slow
def test_tables_and_figures_say_the_same(built: Path) -> None:
    whole = {tuple(row.values()) for row in read(built / "tables" / "curves.csv")}
    assert {tuple(row.values()) for row in read(built / "figures" / "curves_answered.csv")} < whole


@pytest.mark.slow
def test_what_is_missing_is_said(built: Path) -> None:
    text = (built / "missing.md").read_text(encoding="utf-8")
    assert "t is no task of this version" in text
    assert "null|donors:other-images" in text


@pytest.mark.slow
def test_the_same_runs_give_the_same_bytes(built: Path, runs: list[Run], tmp_path: Path) -> None:
    again = tmp_path / "again"
    build(runs, again)
    files = sorted(path.relative_to(built) for path in built.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert [path for path in files if (built / path).read_bytes() != (again / path).read_bytes()] == []


@pytest.mark.parametrize("old", [False, True])
def test_heads_of_both_sides(tmp_path: Path, old: bool) -> None:
    """The two sides rank heads alike, so the correlation is 1 and all best heads are shared."""
    heads = np.arange(30.0).reshape(5, 6)
    run = with_heads(tmp_path / "j", "vgmed_localization", heads, 0, old=old)
    with_heads(tmp_path / "j", "vgmed_coco_localization", heads * 2 + 1, 1, old=old)
    study = collect([replace(run, measured=["vgmed_localization", "vgmed_coco_localization"])])
    (found,) = run_heads(study.tasks)
    rows = {(row["side"], row["layer"], row["head"]): row["KL"] for row in head_table([found]).rows}
    assert rows["medical", 2, 3] == pytest.approx(15, abs=0.02)
    assert rows["natural", 2, 3] == pytest.approx(31, abs=0.02)
    agreement = {(row["metric"], row["statistic"]): row for row in agreement_table([found]).rows}
    assert agreement["KL", "rank correlation"]["value"] == 1.0
    assert agreement["KL", "rank correlation"]["low"] == pytest.approx(1, abs=0.02)
    top = agreement["AR", "shared among the best 10"]
    assert (top["value"], top["chance"]) == (1.0, pytest.approx(1 / 3))
    placed = {row["placement"] for row in head_table([found]).rows}
    if old:
        assert placed == {None}
        assert not any(metric == "placement" for metric, _ in agreement)
    else:
        assert max(placed) == 1.0
        assert agreement["placement", "rank correlation"]["value"] == 1.0
        assert agreement["placement", "shared among the best 10"]["value"] == 1.0, "more is better"


def test_of_one_side_there_is_no_agreement_and_without_heads_nothing(tmp_path: Path) -> None:
    run = with_heads(tmp_path / "j", "vgmed_localization", np.ones((2, 3)), 0)
    found = run_heads(collect([run]).tasks)
    assert agreement_table(found).rows == []
    assert len(head_table(found).rows) == 6
    assert run_heads(collect([run_of(tmp_path / "k", asked(seeing, n=2))]).tasks) == []
