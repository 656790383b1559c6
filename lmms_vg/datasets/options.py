"""Options of multiple-choice questions: parse a source's list of options, and find the letter of an answer text."""

from __future__ import annotations

import ast
import math
import tokenize
from io import StringIO
from itertools import pairwise

from lmms_vg._util.json_text import parse_json
from lmms_vg.datasets.source import DataError


def parse_options(value: object, place: str) -> list[str]:
    """Parse options from a list, a JSON list, or a list printed by Python; numbers become texts.

    Nothing is executed and nothing is guessed: Python would read a list printed by numpy (`['a' 'b']`) as one option,
    None and nan would become options of that name, and a semicolon may be part of a text.

    Args:
        value: what the source has.
        place: file and row, for the error.

    Raises:
        DataError: `value` is anything else.
    """
    options = _literal(value.strip()) if isinstance(value, str) else value
    if not isinstance(options, list) or not all(map(_is_option, options)):
        raise DataError(
            f"{place}: options {_short(value)} are not a list of texts; write a list with commas and quotes, as in JSON or "
            'Python: ["CT", "MRI"]'
        )
    return [str(option) for option in options]


def has_texts_run_together(text: str) -> bool:
    """Return whether two string literals follow each other without a comma, so that Python reads them as one.

    >>> has_texts_run_together("['4' 'four']"), has_texts_run_together("['4', 'four']")
    (True, False)
    """
    try:
        kinds = [token.type for token in tokenize.generate_tokens(StringIO(text).readline)]
    except (tokenize.TokenError, SyntaxError):
        return False
    kinds = [kind for kind in kinds if kind not in (tokenize.NL, tokenize.NEWLINE)]
    return any(pair == (tokenize.STRING, tokenize.STRING) for pair in pairwise(kinds))


def _literal(text: str) -> object:
    """Return the value of a JSON or Python literal; None if the text is neither."""
    try:
        return parse_json(text.encode())  # first, because Python reads \u pairs and \/ in another way
    except ValueError:
        pass
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # all that literal_eval raises
        return None
    return None if has_texts_run_together(text) else value


def _is_option(value: object) -> bool:
    if isinstance(value, str):
        return not any("\ud800" <= sign <= "\udfff" for sign in value)  # half a surrogate pair is not text
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def _short(value: object) -> str:
    """Return the first 80 characters of a value, or its type where it cannot be printed."""
    try:
        return repr(str(value)[:80])
    except (RecursionError, ValueError):
        return f"({type(value).__name__})"


def letter(index: int) -> str:
    """Letter of the option at 0-based `index`: "A" is the first."""
    return chr(ord("A") + index)


def letter_of(answer: str, options: list[str]) -> str | None:
    """Letter of the option whose text is `answer`; None if no option or several options match, or `answer` is blank.

    White space at the ends is ignored. Where no option matches, case and the kind and amount of inner white space are
    ignored too.

    >>> letter_of("ct ", ["CT", "ct", "MR"])
    'B'
    """
    if not answer.strip():
        return None
    for form in (str.strip, folded):
        matches = [index for index, option in enumerate(options) if form(option) == form(answer)]
        if matches:
            return letter(matches[0]) if len(matches) == 1 else None
    return None


def folded(text: str) -> str:
    """Return a text without what is ignored between texts: case, and the kind and amount of white space."""
    return " ".join(text.casefold().split())
