"""The answers that a question allows, where they are a closed set: yes and no, or the letters of its options.

They are what the first answer token is asked for (`inference.first_token`); prompts and scoring rules do not use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

from lmms_vg.datasets.options import letter
from lmms_vg.metrics.text import normalise

YES_NO = ("yes", "no")


def closed_set(doc: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the allowed answers of a document of our tasks; none if anything may be answered.

    A document with options has their letters, in order, as its prompt shows them; with more than 26 it has none. One without
    options is a yes/no question if it is of a closed part and its reference answer is one of the two, whichever: the set does
    not tell which is right. "Is it on the left or the right?" lists its answers in its words only, so its set counts as open.

    >>> closed_set({"options": ["CT", "MRI"], "answer": "B", "answer_type": "CHOICE"})
    ('A', 'B')
    >>> closed_set({"options": [], "answer": "Yes", "answer_type": "CLOSED"})
    ('yes', 'no')
    """
    if options := doc.get("options"):
        letters = tuple(letter(number) for number in range(len(options)))
        return letters if 1 < len(letters) <= len(ascii_uppercase) else ()
    return YES_NO if doc.get("answer_type") == "CLOSED" and normalise(doc["answer"]) in YES_NO else ()


def place_of(reference: str, choices: tuple[str, ...]) -> int | None:
    """Return which of the choices a reference answer is; None if it is none of them.

    >>> place_of("No.", ("yes", "no")), place_of(" b", ("A", "B")), place_of("", ("A", "B"))
    (1, 1, None)
    """
    wanted = normalise(reference)
    return next((place for place, choice in enumerate(choices) if choice.lower() == wanted), None)
