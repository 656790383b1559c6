"""The parts of drawings that two kinds of pages share."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from lmms_vg._util.svg import add, stretches

NAN = float("nan")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[]], []),
        ([[NAN, NAN]], []),
        ([[1.0, 2.0]], [[0, 1]]),
        ([[NAN, 1.0, NAN, 2.0, 3.0]], [[1], [3, 4]]),
        ([[1.0, NAN, 3.0, 4.0], [1.0, 2.0, 3.0, np.inf]], [[0], [2]]),
    ],
)
def test_a_line_is_broken_where_a_row_has_no_number(rows: list[list[float]], expected: list[list[int]]) -> None:
    assert list(stretches(*rows)) == list(stretches(*map(np.array, rows))) == expected


def test_text_and_values_are_escaped() -> None:
    root = ElementTree.Element("svg")
    add(root, "text", "</svg><script>", kind='a"b', x="1")
    add(root, "line")
    assert (
        ElementTree.tostring(root)
        == b'<svg><text x="1" class="a&quot;b">&lt;/svg&gt;&lt;script&gt;</text><line /></svg>'
    )
