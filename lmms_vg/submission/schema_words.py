"""Texts, numbers and lists of limited size, of which a bundle's schema is made."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

#: Largest number of questions of a task; the largest benchmark, OmniMedVQA's MRI, has 31,877.
LONGEST = 100_000


def _readable(name: str) -> str:
    """Check a name: it becomes a link, so it needs something to click on, and it must not reverse or hide text beside it."""
    if not name.isprintable() or not any(character.isalnum() for character in name):
        raise ValueError("needs a letter or digit, and only characters that can be printed")
    return name


Text = Annotated[str, Field(max_length=2_000)]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[Word, AfterValidator(_readable)]
Count = Annotated[int, Field(ge=1, le=LONGEST)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Layers = Annotated[list[Finite], Field(max_length=500)]
LayerNumbers = Annotated[list[Annotated[int, Field(ge=0, lt=500)]], Field(max_length=500)]
