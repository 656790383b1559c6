"""Suggestions for misspelt names."""

from __future__ import annotations

from collections.abc import Iterable


def suggest(name: str, known: Iterable[str]) -> str:
    """Return `did you mean alpha? ` for the known name that is most similar; empty if none is similar."""
    # Late: lmms-eval imports this module at every start, and seldom needs a suggestion.
    from difflib import get_close_matches

    matches = get_close_matches(name, list(known), 1)
    return f"did you mean {matches[0]}? " if matches else ""
