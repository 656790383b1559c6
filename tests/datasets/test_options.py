"""Options as sources write them, and the option that an answer text means."""

from __future__ import annotations

import pytest

from lmms_vg.datasets.options import letter, letter_of, parse_options
from lmms_vg.datasets.source import DataError


@pytest.mark.parametrize(
    "options",
    [
        ["CT", "MR"],
        ["patient's left", 'the "halo" sign', """both ' and \" """],
        ["a, b", "[c]", "back\\slash", "two\nlines"],
        ["N/A", "nan", "None", "", "1"],
        ["37 °C", "β-blocker", "<image 1>"],
        [],
    ],
)
def test_a_list_and_its_print_are_the_same(options: list[str]) -> None:
    assert parse_options(options, "row 0") == options
    assert parse_options(repr(options), "row 0") == options
    assert parse_options(f" {options!r}\n", "row 0") == options


def test_json_lists_are_read_as_json() -> None:
    """Python's literals have other escapes: a surrogate pair would not be text, and a slash would keep its backslash."""
    assert parse_options('["\\ud83e\\uddb4 bone", "A\\/P", "it\'s"]', "row 0") == ["\U0001f9b4 bone", "A/P", "it's"]


def test_numbers_become_texts() -> None:
    assert parse_options("[1, 2.50, 'x']", "row 0") == ["1", "2.5", "x"]
    assert parse_options([1, 2.5, "x"], "row 0") == ["1", "2.5", "x"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        3,
        "A. CT",
        "['CT', 'MR'",
        "('CT', 'MR')",
        "{'A': 'CT'}",
        {"A": "CT"},
        ["CT", None],
        ["CT", float("nan")],
        ["CT", "\ud800"],
        [10**400],
        "['CT' 'MR']",  # numpy
        "['CT', 'MR' 'US']",
        "['CT' 'MR'\n 'US']",
        '["CT" "MR"]',
        "array(['CT', 'MR'], dtype=object)",
        "['CT', nan]",
        '["CT", NaN]',
        '["CT", null]',
        '["CT", "\\ud800"]',
        "['CT', '\\ud800']",
        "CT; MR",
        "['CT'; 'MR']",
        f"[{'1' * 5000}]",
        "[" * 200_000,
        "['CT', None]",
        "[['CT']]",
        "__import__('os').getcwd()",
        "[CT, MR]",
        "['a\0b']",
        "(" * 100_000,
    ],
)
def test_anything_else_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(DataError, match=r"x\.json row 7: options"):
        parse_options(value, "x.json row 7")


def test_letters() -> None:
    assert [letter(index) for index in (0, 1, 13)] == ["A", "B", "N"]


@pytest.mark.parametrize(
    ("answer", "options", "expected"),
    [
        ("MR", ["CT", "MR", "X-ray"], "B"),
        (" MR\n", ["CT ", " MR", "X-ray"], "B"),
        ("\xa0MR", ["CT", "MR\xa0"], "B"),
        ("mr", ["CT", "MR"], "B"),
        ("left  upper\xa0lobe", ["Left upper lobe", "left lower lobe"], "A"),
        ("ct", ["CT", "ct"], "B"),  # the exact match wins
        ("Ct", ["CT", "ct"], None),
        ("CT", ["CT", "MR", "CT "], None),
        ("CT", ["CT scan", "C"], None),
        ("N/A", ["N/A", "nan"], "A"),
        ("nan", ["N/A", "nan"], "B"),
        (" ", ["", "CT"], None),
        ("CT", [], None),
        ("Straße", ["STRASSE", "Gasse"], "A"),
    ],
)
def test_which_option_an_answer_means(answer: str, options: list[str], expected: str | None) -> None:
    assert letter_of(answer, options) == expected
