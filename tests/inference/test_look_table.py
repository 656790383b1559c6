"""Values of a look: those of `metrics`, beside what a blind map has."""

from __future__ import annotations

from math import isnan, log

import numpy as np
import pytest

from lmms_vg.inference.look_table import as_text, rows_of, shown
from lmms_vg.metrics import alignment


def test_values_by_hand() -> None:
    """Four visible patches in the left half of a grid of 2 x 4; half of the attention is in the box of one of them."""
    visible = np.zeros((2, 4), dtype=bool)
    visible[:, :2] = True
    mask = np.zeros((2, 4), dtype=bool)
    mask[0, 0] = True
    look = np.where(visible, 1.0, 1e-9)
    look[0, 0] = 3.0
    ar, kl, js, placement = rows_of([look], mask, visible)
    assert ar.values[0] == pytest.approx(8 * 3 / 6, abs=1e-6)
    assert ar.blind == 2.0, "even over the image, none on the padding"
    assert kl.values[0] == pytest.approx(log(6 / 3), abs=1e-6)
    assert kl.blind == pytest.approx(log(4))
    assert js.values[0] == pytest.approx(float(alignment.js_divergence(look, mask)))
    assert isnan(placement.values[0]), "four places are too few"
    assert placement.blind == 0.5


def test_an_even_map_has_the_blind_values() -> None:
    mask = np.zeros((8, 8), dtype=bool)
    mask[2:4, 3:6] = True
    for row in rows_of([np.ones((8, 8))], mask, np.ones((8, 8), dtype=bool)):
        assert row.values[0] == pytest.approx(row.blind, abs=1e-5), row.name


def test_kl_says_nothing_where_patches_are_hidden() -> None:
    mask = np.zeros((8, 8), dtype=bool)
    mask[2:4, 3:6] = True
    knocked = np.ones((8, 8))
    knocked[6] = 0
    rows = rows_of([np.ones((8, 8)), knocked], mask, np.ones((8, 8), dtype=bool))
    assert [isnan(value) for value in rows[1].values] == [False, True]
    text = as_text("Where?", {"plain": "here", "vgrefine": "there"}, rows, ["A note"])
    assert "| KL (less) | 2.37 | - | 2.37 |" in text
    assert "No KL (-) where patches have no attention" in text
    assert text.endswith("\nA note.")


def test_without_boxes_there_are_no_values() -> None:
    assert as_text("Where?", {"plain": "here"}, [], ["A note"]) == "Where?\n  plain: here\n\nA note."
    assert shown(float("nan")) == "-"
