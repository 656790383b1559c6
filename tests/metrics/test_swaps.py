"""The words do not matter: swapping them in answer, options and reference does not change the verdict."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator

import pytest
from cases_swaps import CLAIMED, SIDES, UNCLEAR
from hypothesis import given, settings
from hypothesis import strategies as st

from lmms_vg.metrics.choice import choice, extract
from lmms_vg.metrics.closed import closed
from lmms_vg.metrics.text import words

PAIRS = [
    ("Left", "Right"),
    ("Left lung", "Right lung"),
    ("Yes", "No"),
    ("True", "False"),
    ("Present", "Absent"),
    ("Correct", "Incorrect"),
    ("Normal", "Not normal"),
    ("Pleural effusion", "No pleural effusion"),
    ("Right-sided heart failure", "Wrong placement"),
]
Reading = tuple[str, tuple[str, ...], str]


def readings(template: str, pair: tuple[str, str]) -> Iterator[Reading]:
    """A template's answers with options and right letter: each word in each place, among two and four options."""
    judged = {"correct", "wrong", "not"}.intersection(words(template))
    if judged.intersection(words(" ".join(pair))):
        return  # in "Correct is wrong" either word could be the option
    for meant, (first, second), more in itertools.product((0, 1), (pair, pair[::-1]), ((), ("Spleen", "Thyroid"))):
        x, y = (first, second)[:: -1 if meant else 1]
        letters = {"L": "AB"[meant], "M": "BA"[meant], "a": first, "b": second}
        answer = template.format(X=x, x=x.lower(), Y=y, y=y.lower(), **letters)
        yield answer, (first, second, *more), "AB"[meant]


def test_there_are_enough_and_each_is_there_once() -> None:
    assert len(CLAIMED) == 210
    assert sum("{x}" in template.lower() for template in CLAIMED) == 178, "their answer is the word itself"
    templates = [*CLAIMED, *UNCLEAR, *(template for template, _ in SIDES)]
    assert len(set(templates)) == len(templates)


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids="/".join)
def test_what_is_claimed_is_read_whatever_the_word(pair: tuple[str, str]) -> None:
    wrong = [
        (answer, options, letter)
        for template in CLAIMED
        for answer, options, letter in readings(template, pair)
        if choice(answer, letter, options) != (letter, True)
    ]
    assert wrong == []


@pytest.mark.parametrize("pair", PAIRS, ids="/".join)
def test_what_is_not_clear_is_not_read_whatever_the_word(pair: tuple[str, str]) -> None:
    wrong = [
        (answer, options, extract(answer, options))
        for template in UNCLEAR
        for answer, options, _ in readings(template, pair)
        if extract(answer, options) is not None
    ]
    assert wrong == []


PIECES = [
    "{X}",
    "{x}",
    "{Y}",
    "{y}",
    "A",
    "B",
    "C",
    ".",
    ",",
    "\n",
    "(",
    ")",
    ":",
    "- ",
    "**",
    "?",
    ";",
    "the answer is",
    "not",
    "or",
    "and",
]
PIECES += [
    "but",
    "is wrong",
    "is seen",
    "The image shows",
    "It is",
    "rather than",
    "because",
    "the",
    "side",
    "\nAnswer:",
    "I think",
    "also",
]


@pytest.mark.slow
@settings(max_examples=40)
@given(st.integers(0, 1 << 32))
def test_any_answer_is_read_alike_with_the_words_swapped(seed: int) -> None:
    """Options A and B swap their texts, and so does the answer; fifty answers to a seed.

    No option is directly before the word answer: "the right answer" is a judgement, "the left answer" is not.
    """
    draw = random.Random(seed)
    for _ in range(50):
        answer, pair = " ".join(draw.choices(PIECES, k=draw.randint(0, 12))), draw.choice(PAIRS[:5])
        first, second = (
            extract(answer.format(X=x, x=x.lower(), Y=y, y=y.lower()), (x, y, "Spleen")) for x, y in (pair, pair[::-1])
        )
        assert first == second, (answer, pair)


@pytest.mark.parametrize(("template", "claimed"), SIDES)
def test_sides(template: str, claimed: bool) -> None:
    for answer, options, letter in readings(template, ("Left", "Right")):
        assert extract(answer, options) == (letter if claimed else None), (answer, options)


@pytest.mark.parametrize("pair", [("left lung", "right lung"), ("yes", "no"), ("true", "false")], ids="/".join)
def test_the_closed_rule_has_no_favourite(pair: tuple[str, str]) -> None:
    """Swapping words in the whole answer and in the reference does not change its verdict."""
    first, second = (word.split()[0] for word in pair)
    other = {first: second, second: first}

    def swapped(text: str) -> str:
        return re.sub(
            rf"(?<![^\W_])({first}|{second})(?![^\W_])", lambda word: other[word[0].lower()], text, flags=re.I
        )

    right = 0
    for template, both, reference in itertools.product([*CLAIMED, *UNCLEAR], (pair, pair[::-1]), pair):
        for answer, _, _ in readings(template, both):
            verdict = closed(answer, reference).correct
            assert closed(swapped(answer), swapped(reference)).correct is verdict, answer
            right += verdict
    assert right > 200
