"""Names that were typed and are not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def suggest(name: str, known: Iterable[str]) -> str:
    """`did you mean alpha? `, or nothing where no known name is near."""
    near = get_close_matches(name, list(known), 1)
    return f"did you mean {near[0]}? " if near else ""
