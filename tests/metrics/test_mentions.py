"""Signs in place of the options that an answer names, and neutral signs for words of judgement that the options use."""

from __future__ import annotations

import doctest
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmms_vg.metrics import mentions
from lmms_vg.metrics.mentions import mark
from lmms_vg.metrics.text import canonical, tokens, words

NEUTRAL = "~"


def shown(text: str, *options: str) -> str:
    """The marked text with {letters} in place of a sign."""
    marked = mark(canonical(text), options)
    named = marked.text.replace(chr(0x12399), NEUTRAL)
    for sign, letters in marked.letters.items():
        named = named.replace(sign, "{" + "".join(sorted(letters)) + "}")
    return " ".join(named.split())


@pytest.mark.parametrize(
    ("text", "options", "marked"),
    [
        ("Left, not right.", ("Left", "Right"), "{A}, not {B}."),
        ("It is not right-sided.", ("Left lung", "Right lung"), "It is not ~-sided."),
        ("B is right.", ("heart", "liver"), "B is right."),
        ("The right answer is the right lung.", ("Left lung", "Right lung"), "The right answer is the {B}."),
        ("B. No", ("Effusion", "No effusion"), "B. {B}"),
        ("B. No doubt", ("Effusion", "No effusion"), "B. No doubt"),
        ("No.", ("No mass", "No effusion", "Mass"), "{AB}."),
        ("No.", ("No mass", "No effusion"), "No."),
        ("lung", ("lung", "left lung"), "{A}"),
        ("the left lung", ("lung", "left lung"), "the {B}"),
        ("the left of the lung", ("left of lung", "lung"), "the {A}"),
        ("left. Lung", ("left lung",), "left. Lung"),
        ("left\nlung", ("left lung",), "left lung"),
        ("A. baumannii", ("A. baumannii", "C. difficile"), "{A}"),
        ("Crohn’s disease", ("Crohns disease",), "{A}"),
        ("<5 mm or 5 mm", ("<5 mm", "5 mm"), "{A} or {B}"),
        ("-5 and 3-5", ("5", "-5"), "{B} and 3- {A}"),
        ("five", ("5",), "{A}"),
        ("A", ("B", "A"), "A"),
        ("cyst", ("cyst", "Cyst."), "{AB}"),
        ("答案是左肺", ("左肺", "右肺"), "答案是 {A}"),
        ("左肺门", ("左肺", "右肺"), "左肺门"),
        ("\U00012000 lung", ("lung",), "{A}"),
    ],
)
def test_marked(text: str, options: tuple[str, ...], marked: str) -> None:
    assert shown(text, *options) == marked


WORDS = st.lists(
    st.sampled_from(["left", "right", "no", "lung", "mass", "T2", "five", "ER+", "x-ray"]), min_size=1, max_size=4
)


@pytest.mark.slow
@given(
    st.lists(WORDS.map(" ".join), min_size=2, max_size=9),
    st.sampled_from(["{}", "The {}.", "it is a {}, I think", "**{}**"]),
)
def test_every_option_is_named_by_its_text(options: list[str], frame: str) -> None:
    for letter, option in zip(string.ascii_uppercase, options, strict=False):
        assert any(letter in letters for letters in mark(frame.format(option.upper()), options).letters.values())


@given(st.text())
def test_tokens_are_words_in_their_places(text: str) -> None:
    text = canonical(text)
    for token in tokens(text):
        assert token.word in words(text[token.start : token.end])


def test_examples_in_the_documentation() -> None:
    assert doctest.testmod(mentions) == (0, 2)
