"""What is left of a run under a control, beside the same run without it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from saved_run import IDENTITY, closed, failed, save, spec, tables
from scipy import stats

from lmms_vg.metrics.statistics import paired
from lmms_vg.runs.compare import compare
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run
from lmms_vg.runs.text_tables import show_p

N = 80


def run(folder: Path, right: Sequence[int | None], method: str = "plain", control: str = "", **identity: Any) -> Run:
    """A run with two questions per image; the answer is its score as text, None where the question failed."""
    lines = [
        failed(f"q{number}")
        if score is None
        else closed(f"q{number}", score, f"i{number // 2}") | {"filtered_resps": f"answer {score}"}
        for number, score in enumerate(right)
    ]
    changed = {"control": control, "control_code": "c0de"} if control else {}
    stated = IDENTITY | {"method": spec(method)} | changed | identity
    return read_run(save(folder, {"t": lines}, run=stated))


def right(count: int) -> list[int | None]:
    return [int(number < count) for number in range(N)]


def step_down(p: Sequence[float]) -> list[float]:
    """Holm's p-values as defined: the largest of (m - k) p over this and all smaller p, at most 1."""
    ordered = sorted(p)
    return [max(min(1, (len(p) - k) * ordered[k]) for k in range(ordered.index(one) + 1)) for one in p]


def test_a_method_that_ignores_the_image_keeps_all(tmp_path: Path) -> None:
    table = compare([run(tmp_path / "p", right(60)), run(tmp_path / "b", right(60), control="blank_image")])
    (line,) = table.controls
    assert (line.kept, line.changed, line.gain.mean) == (1.0, 0.0, 0.0)
    assert line.gain.low < 0 < line.gain.high, "an interval of Wilson's kind, not zero width"
    *_, (head, cells) = tables(table.table())
    assert dict(zip(head, cells, strict=True))["kept (%)"] == "100.0"


def test_gains_and_their_difference(tmp_path: Path) -> None:
    """Plain loses 20 of 60 right answers on a blank image, the method 45 of 70."""
    runs = [
        run(tmp_path / "p", right(60)),
        run(tmp_path / "v", right(70), "vgrefine"),
        run(tmp_path / "pb", right(40), control="blank_image"),
        run(tmp_path / "vb", right(25), "vgrefine", "blank_image"),
    ]
    table = compare(runs)
    plain, method = table.controls
    assert [entry.run.name for entry in table.lines] == ["plain", "vgrefine"], "controls are in no other list"
    assert (plain.gain.mean, method.gain.mean) == (20 / N, 45 / N)
    assert (plain.kept, method.kept) == (40 / 60, 25 / 70)
    assert (plain.over_plain, plain.necessity) == (None, None)
    assert method.over_plain is not None
    assert method.over_plain.mean == pytest.approx(25 / N)
    gains = [
        {f"q{number}": (before[number] or 0) - (after[number] or 0) for number in range(N)}
        for before, after in ((right(60), right(40)), (right(70), right(25)))
    ]
    images = {f"q{number}": f"i{number // 2}" for number in range(N)}
    expected = paired(*gains, images, resamples=10_000)  # type: ignore[arg-type]
    assert method.over_plain[:4] == pytest.approx(expected[:4])
    assert plain.changed == 20 / N
    # All 10 images with a difference lose, and all 23 of the method: as that many coins that fall on one side.
    p = [stats.binomtest(10, 10).pvalue, stats.binomtest(23, 23).pvalue, method.over_plain.p]
    assert [plain.gain.p, method.gain.p] == pytest.approx(p[:2])
    adjusted = step_down(p)
    assert [plain.holm[0], method.holm[0], method.holm[1]] == pytest.approx(adjusted)
    assert [isnan(value) for value in (*plain.holm, *method.holm)] == [False, True, True, False, False, True]
    text = table.table()
    assert "sign flips of whole images, corrected (Holm) over the 3 tests of this table" in text
    *_, (head, *rows) = (one for one in tables(text) if "control" in one[0])
    places = [place for place, name in enumerate(head) if name == "p (Holm)"]
    assert [[row[place] for place in places] for row in rows] == [
        [show_p(value) for value in line.holm] for line in (plain, method)
    ]


def test_necessity_is_the_box_against_elsewhere(tmp_path: Path) -> None:
    """The box changes 40 answers, another place 10; both only count on questions that all have."""
    runs = [
        run(tmp_path / "p", right(60)),
        run(tmp_path / "box", right(20), control="box_filled"),
        run(tmp_path / "out", [None, None, *right(50)[2:]], control="elsewhere_filled"),
    ]
    table = compare(runs)
    box, elsewhere = table.controls
    assert (box.changed, box.n, elsewhere.n, elsewhere.left_out) == (40 / N, N, N - 2, 2)
    assert elsewhere.necessity is None
    assert box.necessity is not None
    assert box.necessity.mean == pytest.approx(30 / (N - 2))
    assert box.necessity.low > 0
    assert box.necessity.p == pytest.approx(stats.binomtest(15, 15).pvalue), "15 images, all on one side"
    p = [box.gain.p, box.necessity.p, elsewhere.gain.p]
    adjusted = step_down(p)
    assert [box.holm[0], box.holm[2], elsewhere.holm[0]] == pytest.approx(adjusted)
    assert "2 of t (plain, elsewhere_filled)" in table.table()


def test_every_form_of_the_table_has_them(tmp_path: Path) -> None:
    runs = [run(tmp_path / "p", right(60)), run(tmp_path / "b", right(40), control="blank_image")]
    table = compare(runs)
    assert "blank\\_image" in table.table("latex")
    rows = list(csv.DictReader(io.StringIO(table.table("csv"))))
    (row,) = [row for row in rows if row["control"]]
    assert (row["method"], row["base"], float(row["gain"])) == ("plain, blank_image", "plain", 0.25)
    line = table.controls[0]
    assert (float(row["gain_p"]), float(row["gain_p_holm"])) == (line.gain.p, line.holm[0])
    assert (row["necessity"], row["necessity_p_holm"]) == ("", "")
    assert "control" not in compare(runs[:1]).table("csv").splitlines()[0].split(",")
    assert "Control blank_image" in runs[1].table()


def test_a_score_of_zero_keeps_nothing_that_could_be_named(tmp_path: Path) -> None:
    runs = [run(tmp_path / "p", right(0)), run(tmp_path / "b", right(0), control="no_image")]
    (line,) = compare(runs).controls
    assert isnan(line.kept)


def test_what_is_refused(tmp_path: Path) -> None:
    plain, blank = run(tmp_path / "p", right(60)), run(tmp_path / "b", right(60), control="blank_image")
    other = run(tmp_path / "o", right(60), "vgrefine", "blank_image")
    elsewhere = run(tmp_path / "w", right(60), control="no_image", weights="0f0f")
    with pytest.raises(ValueError, match="no run is without a control"):
        compare([blank])
    with pytest.raises(ValueError, match="beside the same run without a control"):
        compare([plain, other])
    with pytest.raises(ValueError, match="beside the same run without a control"):
        compare([plain, elsewhere])
    with pytest.raises(ValueError, match="are both plain, blank_image"):
        compare([plain, blank, run(tmp_path / "b2", right(60), control="blank_image")])


def test_the_base_is_never_a_control(tmp_path: Path) -> None:
    blank, plain = run(tmp_path / "b", right(60), control="blank_image"), run(tmp_path / "p", right(60))
    assert compare([blank, plain]).base is not blank
    assert (blank.is_plain, blank.label, blank.control) == (False, "plain, blank_image", "blank_image")
