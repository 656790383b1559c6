"""Multiple choice: a rule that does not guess, and the published rule that does."""

from __future__ import annotations

import doctest
import re

import pytest
from cases_choice import CASES
from hypothesis import example, given
from hypothesis import strategies as st

from lmms_vg.metrics import choice as module
from lmms_vg.metrics.choice import RULES, chen, choice, signature
from lmms_vg.metrics.closed import Verdict

OPTIONS = ["right lung", "left lung", "heart", "liver"]

CHEN = [
    ("B", "B", "alone"),
    ("(B) left lung", "B", "brackets"),
    ("The answer is B.", "B", "answer is"),
    ("答案是B。", "B", "Chinese"),
    ("答案为B。", "B", "the other of its two Chinese words"),
    ("选B", None, "Chinese without them"),
    ("b", "b", "lower case is taken, and never right"),
    ("the answer is b", "b", "also in a sentence"),
    ("A mass. B", "B", "an article before a space is left out"),
    ("A. mass", "A", "not before a full stop"),
    ("A\nmass", "A", "nor before a line's end"),
    ("A or B", "B", "so the A of A or B is"),
    ("B or A", "B", "the first of two"),
    ("The answer is not B", "B", "negated"),
    ("I think B", "I", "the pronoun comes first"),
    ("I'd say C", "I", "also shortened"),
    ("Hepatitis B", "B", "a name"),
    ("C-section", "C", "a compound"),
    ("e.g. B", "e", "an abbreviation"),
    ("N", "N", "beyond the options"),
    ("O", None, "beyond n"),
    ("T-cell B", "B", "letters beyond n are not seen"),
    ("left lung", None, "text only, where the released code ends with an error"),
    ("", None, "nothing, as well"),
    ("1", None, "a number"),
    ("_B_", None, "an underscore is a word character"),
    ("Ｂ", None, "full width"),
]
PUBLISHED = re.compile(r"(is |是|\*|\W|\ |\(|为|^|'|\"|#)(?![aA] )([a-nA-N])(\W|$)", re.S)

DEGENERATE = [
    "*",
    "(",
    "\n",
    ". ",
    "_ ",
    "answer ",
    "the answer to the ",
    "answer is B. ",
    "so ",
    "选",
    "A,",
    "< ",
    "a ",
    "is ",
    "also a b ",
    "however, ",
    "I think left lung. ",
    "The answer is B. ",
    "</think>",
    "<|",
]
PIECES = [
    *"ABDEbaI",
    " ",
    "\n",
    ".",
    ")",
    "(",
    ",",
    ":",
    "-",
    "answer is",
    "not",
    "or",
    "left lung",
    "heart",
    "选",
    "是",
    "wrong",
    "also",
    "</think>",
]


@pytest.mark.parametrize(
    ("_group", "answer", "letter", "_why", "options"), CASES, ids=[f"{case[0]}: {case[3]}" for case in CASES]
)
def test_choice(_group: str, answer: str, letter: str | None, _why: str, options: tuple[str, ...]) -> None:
    for reference in "ABC":
        assert choice(answer, reference, options) == Verdict(letter, letter == reference)


def test_the_table_is_large_and_says_each_thing_once() -> None:
    assert len(CASES) + len(CHEN) >= 200
    assert len({(case[1], case[4]) for case in CASES}) == len({(case[0], case[3]) for case in CASES}) == len(CASES)


@pytest.mark.parametrize(("answer", "letter", "_why"), CHEN, ids=[case[2] for case in CHEN])
def test_chen(answer: str, letter: str | None, _why: str) -> None:
    for reference in "ABC":
        assert chen(answer, reference, OPTIONS) == Verdict(letter, letter == reference)


@pytest.mark.slow
@given(st.text() | st.lists(st.sampled_from(["is", "为", "#", '"', "'", "*", *PIECES])).map("".join))
def test_chen_is_the_published_expression(answer: str) -> None:
    published = PUBLISHED.search(answer)
    assert chen(answer, "A", OPTIONS).extracted == (published and published.group(2))


@pytest.mark.parametrize("rule", RULES.values())
def test_references_are_letters_of_options(rule) -> None:
    assert rule("B", " b ", OPTIONS) == ("B", True)
    for reference in ("", " ", "E", "AB", "left lung", "?", "1"):
        with pytest.raises(ValueError, match=r"reference '.*': allowed is A to D"):
            rule("B", reference, OPTIONS)
    with pytest.raises(ValueError, match="there are no options"):
        rule("A", "A", [])


def test_more_options_than_letters() -> None:
    options = [f"finding {number}" for number in range(30)]
    assert choice("Z", "Z", options).correct
    assert choice("finding 29", "Z", options) == (None, False)


def test_an_option_without_text_is_never_that_of_an_answer() -> None:
    assert choice("...", "A", ["", "cyst"]) == choice("", "B", ["cyst", "."]) == (None, False)
    assert choice("B.", "B", ["", "."]).correct
    assert choice("The answer is A. Because", "A", ["", "."]).correct


options = st.lists(st.text("ABab cdé1.<-") | st.text() | st.sampled_from(OPTIONS), min_size=2, max_size=12)
answers = st.text() | st.lists(st.sampled_from(PIECES)).map("".join) | st.lists(st.sampled_from(PIECES)).map(" ".join)


@pytest.mark.slow
@given(answers, options)
@example("ı", [""] * 12)
def test_any_text_gets_a_verdict(answer: str, options: list[str]) -> None:
    for rule, letters in ((choice, "ABCDEFGHIJKL"[: len(options)]), (chen, "abcdefghijklmnABCDEFGHIJKLMN")):
        verdict = rule(answer, "B", options)
        assert isinstance(verdict.correct, bool)
        assert verdict.extracted is None or (len(verdict.extracted) == 1 and verdict.extracted in letters)
        assert verdict.correct == (verdict.extracted == "B")


@pytest.mark.slow
@given(answers, options, st.sampled_from([" ", "\n", "\t\n ", "\u00a0", "\u200b"]))
def test_space_around_changes_nothing(answer: str, options: list[str], space: str) -> None:
    assert choice(f"{space}{answer}{space}", "A", options) == choice(answer, "A", options)


@given(
    st.sampled_from("ABCD"),
    st.sampled_from(["{}", "({})", "{}.", "The answer is {}", "答案是{}", "{}: {text}", "{text}"]),
)
def test_the_option_meant_is_found(letter: str, form: str) -> None:
    answer = form.format(letter, text=OPTIONS["ABCD".index(letter)])
    assert choice(answer, letter, OPTIONS).correct


@pytest.mark.slow
@pytest.mark.timeout(30)
@pytest.mark.parametrize("piece", DEGENERATE)
def test_degenerate_answers_take_no_quadratic_time(piece: str) -> None:
    for rule in RULES.values():
        rule(piece * (100_000 // len(piece)), "A", OPTIONS)


def test_signature_names_rule_case_n_and_version() -> None:
    rule = "choice|rule:letter+option-text+answer-phrase+leading-letter+statement|case:lower"
    assert signature() == f"{rule}|v:2"
    assert signature("choice", n=0) == f"{rule}|n:0|v:2"
    assert signature("chen", 2000) == "chen|rule:first-letter-a-n|case:mixed|n:2000|v:1"
    with pytest.raises(ValueError, match="rule 'first': allowed is choice, chen"):
        signature("first")


def test_examples_in_the_documentation() -> None:
    assert doctest.testmod(module) == (0, 4)
