"""Names of figures' files are safe, and stay different when they are cut."""

from __future__ import annotations

import pytest

from lmms_vg.runs.plots.style import file_name


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\\b:c*?", "é\u202e\x00", "strip_demo/standard/1#2"])
def test_names_hold_no_signs_of_paths(name: str) -> None:
    assert all(sign.isascii() and (sign.isalnum() or sign in "_.-") for sign in file_name(f"strip_{name}"))
    assert not file_name(name).startswith(".")


def test_long_names_that_differ_at_their_end_stay_different() -> None:
    first, second = (file_name("x" * 200 + end) for end in "ab")
    assert first != second
    assert len(first) == len(second) == 100
