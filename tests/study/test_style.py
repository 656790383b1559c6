"""Labels of the study's figures fit their places."""

from __future__ import annotations

from lmms_vg.study.figures.style import wrapped


def test_labels_are_broken_and_cut() -> None:
    assert wrapped("one two three", 5, 2) == "one\ntwo …"
