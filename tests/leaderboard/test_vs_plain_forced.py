"""Forced choice beside plain: only where both bundles have values, and no column where none has any."""

from __future__ import annotations

from math import nan

import pytest
from entries import entry
from saved_run import spec

from lmms_vg.leaderboard.columns import of_paper
from lmms_vg.leaderboard.table_model import TableView
from lmms_vg.leaderboard.tables import tables
from lmms_vg.leaderboard.vs_plain import against
from lmms_vg.submission.forced_scores import FORCED
from lmms_vg.submission.validated import Entry

SETS = of_paper("1", "vgrefine")[:-1]
TITLES = ["forced choice", "forced difference", "forced p", "forced p (Holm)"]
BEFORE = {"vqa_rad_closed": [1.0, 0.0, 1.0, 0.0], "slake_closed": [0.0, 1.0, 0.0]}
AFTER = {"vqa_rad_closed": [1.0, 1.0, 1.0, 1.0], "slake_closed": [0.0, 0.0, 1.0]}
PREFERRED = {"vqa_rad_closed": {FORCED: [1.0, 0.0, nan, 0.5]}}


def plain(**changes: object) -> Entry:
    return entry("plain", BEFORE, **changes)  # type: ignore[arg-type]


def method(**changes: object) -> Entry:
    return entry("method", AFTER, method=spec("pai", alpha=0.5), **changes)  # type: ignore[arg-type]


def vs_plain(*entries: Entry) -> TableView:
    return next(table for table in tables(entries, "vgrefine") if any(column.title == "m" for column in table.columns))


def test_only_questions_with_values_in_both_count() -> None:
    """The third question has none in plain, the second none in the method; SLAKE's have values in the method alone."""
    further = {"vqa_rad_closed": {FORCED: [0.0, nan, 1.0, 1.0]}, "slake_closed": {FORCED: [1.0, 1.0, 1.0]}}
    line = against([plain(further=PREFERRED), method(further=further)], SETS)["method"]
    assert line.forced is not None
    assert (line.forced.n, line.forced.score) == (2, 0.5)
    assert line.forced.difference.mean == pytest.approx((0 + 1 - 1 - 0.5) / 2)
    assert line.n == 7, "the written answers are compared as before"


def test_columns_are_there_where_bundles_have_values() -> None:
    shown = vs_plain(plain(further=PREFERRED), method(further={"vqa_rad_closed": {FORCED: [1.0, 1.0, 1.0, 1.0]}}))
    assert [column.title for column in shown.columns[-4:]] == TITLES
    cells = {row.entry: row.cells for row in shown.measured}
    assert [cell.text for cell in cells["method"][-4:]] == ["100.00", "+50.00", "0.5000", "0.5000"]
    assert [cell.text for cell in cells["plain"][-4:]] == ["", "", "", ""]
    assert {len(row) for row in cells.values()} == {len(shown.columns)}
    assert any(note.startswith("forced choice: ") for note in shown.notes)


@pytest.mark.parametrize("given", [(None, None), (PREFERRED, None), (None, PREFERRED)])
def test_no_column_without_values_in_both(given: tuple[object, object]) -> None:
    shown = vs_plain(plain(further=given[0]), method(further=given[1]))
    assert not {column.title for column in shown.columns} & {*TITLES}
    assert not any(note.startswith("forced choice: ") for note in shown.notes)


def test_forced_p_is_corrected_over_the_lines_of_one_submitters_model() -> None:
    """Four settings, of which two have values: p of the better one is multiplied by four, and a stranger's line adds none."""
    better = {"vqa_rad_closed": {FORCED: [1.0, 1.0, 1.0, 1.0]}}
    rows = [plain(further={"vqa_rad_closed": {FORCED: [0.0, 0.0, 0.0, 0.0]}})]
    for number, values in enumerate((better, {"vqa_rad_closed": {FORCED: [0.0, 1.0, 0.0, 0.0]}}, None, None)):
        rows.append(entry(f"m{number}", AFTER, method=spec("pai", alpha=number / 10), further=values))
    lines = against(rows, SETS)
    first, second = (lines[id].forced for id in ("m0", "m1"))
    assert first is not None
    assert second is not None
    assert (first.difference.p, first.holm) == (2 / 2**4, 4 * 2 / 2**4)
    assert (second.difference.p, second.holm) == (1, 1)
    stranger = entry("other", AFTER, method=spec("vaf"), further=better, name="Another-7B")
    assert against([*rows, stranger], SETS)["m0"].forced == first
