"""Radars: a table each, with a line for every row that has all its columns; the numbers beside them have all rows."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from kept_pictures import without_pdf
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from lmms_vg.runs.plots import radar
from lmms_vg.runs.plots.radar import OWN, PUBLISHED, Spoke

SPOKES = [
    *(Spoke("2", PUBLISHED, "theirs", column, 60.0, None) for column in ("BMS", "CM", "DLM")),
    *(Spoke("2", OWN, "mine", column, 70.0, 10) for column in ("BMS", "CM", "DLM")),
    Spoke("2", OWN, "half", "BMS", 80.0, 10),
    *(Spoke("3", OWN, "mine", column, 50.0, 10) for column in ("CT", "MRI")),
]


@pytest.mark.slow
def test_rows_that_have_all_columns_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_pdf(monkeypatch)
    figures: list[Figure] = []
    save = radar.save
    monkeypatch.setattr(radar, "save", lambda figure, *rest: figures.append(figure) or save(figure, *rest))
    paths = radar.draw(SPOKES, tmp_path, "a title")
    assert [path.name for path in paths] == ["radar.png", "radar.pdf", "radar.csv"]
    (figure,) = figures
    assert figure.get_suptitle() == "a title"
    assert all(isinstance(axis, PolarAxes) for axis in figure.axes)
    assert [[line.get_label() for line in axis.lines] for axis in figure.axes] == [
        ["theirs (published)", "mine (own run)"],
        ["mine (own run)"],
    ]
    assert [*figure.axes[0].lines[1].get_ydata()] == [70.0] * 4, "closed"
    rows = list(csv.DictReader(paths[-1].open(encoding="utf-8")))
    assert [(row["table"], row["row"], row["n"]) for row in rows] == [
        (spoke.table, spoke.row, str(spoke.n or "")) for spoke in SPOKES
    ]


def test_without_spokes_nothing_is_drawn(tmp_path: Path) -> None:
    assert radar.draw([], tmp_path) == []
    assert list(tmp_path.iterdir()) == []
