"""How a finding is printed."""

from __future__ import annotations

import pytest

from lmms_vg.doctor.check_result import described, note, ok, problem


def test_one_line_where_it_fits() -> None:
    assert list(ok("torch 2.6").lines()) == ["  ok       torch 2.6"]
    assert list(note("a\n  b").lines()) == ["  note     a b"]


def test_a_long_text_is_wrapped_and_its_remedy_is_not() -> None:
    """A remedy must be easy to copy."""
    *text, remedy = problem("word " * 50, "command " * 50).lines()
    assert text[0].startswith("  PROBLEM  word")
    assert all(line.startswith("           word") for line in text[1:])
    assert len(text) > 1
    assert max(map(len, text)) <= 120
    assert remedy == "           remedy: " + "command " * 50


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (ValueError("first\nsecond"), "ValueError: first"),
        (KeyError("name"), "KeyError: 'name'"),
        (AssertionError(), "AssertionError"),
        (OSError(" \n"), "OSError"),
    ],
)
def test_an_exception_is_one_line(failure: Exception, text: str) -> None:
    assert described(failure) == text
