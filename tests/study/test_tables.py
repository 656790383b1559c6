"""Whatever a cell holds, a line of a table is one line with as many cells as were given."""

from __future__ import annotations

import pytest

from lmms_vg.study.tables import row


def test_cells_stand_between_pipes() -> None:
    assert row("task", "0.5000", "") == "| task | 0.5000 |  |"


@pytest.mark.parametrize("cell", ["a|b", "a\nb", "a\r\nb", "a\u2028b", "a\x85b", "|a\n|b|\n"])
def test_names_from_outside(cell: str) -> None:
    line = row(cell, "n")
    assert len(line.splitlines()) == 1
    assert line.count("|") == 3
    assert "a" in line
    assert "b" in line
