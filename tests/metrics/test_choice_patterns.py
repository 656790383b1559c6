"""The part of an answer that is read, and patterns on empty text; `test_choice` has the answers."""

from __future__ import annotations

import doctest
import re

import pytest

from lmms_vg.metrics import choice_patterns

PATTERNS = {name: value for name, value in vars(choice_patterns).items() if isinstance(value, re.Pattern)}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("B", "B"),
        ("<think>A</think>B", "B"),
        ("A</think>B", "B"),
        ("<think>A</think>C<think>D</think>B", "B"),
        ("<think>A", ""),
        ("<think>A</think>B<think>C", "B"),
        ("<|im_start|>assistant B<|im_end|>", "  B "),
        ("|B|", "|B|"),
        ("<| B |>", "<| B |>"),
    ],
)
def test_thinking_and_chat_tokens_are_left_out(text: str, read: str) -> None:
    assert choice_patterns.final_part(text) == read


@pytest.mark.parametrize("name", [name for name, value in PATTERNS.items() if "letter" in value.groupindex])
def test_no_pattern_of_a_letter_finds_one_inside_a_word(name: str) -> None:
    for text in ("cab", "C-section", "A/P view", "I'd", "e.g.", "b.i.d.", "T2", ""):
        found = [match["letter"] for match in PATTERNS[name].finditer(text)]
        assert not any(found), (name, text)


def test_examples_in_the_documentation() -> None:
    assert doctest.testmod(choice_patterns) == (0, 2)
