"""Options of a multiple-choice question: read from what a source writes, and the letter that an answer text means."""

import ast
import math
import tokenize
from io import StringIO
from itertools import pairwise

from lmms_vg._util.json_text import parse_json
from lmms_vg.datasets.source import DataError


def parse_options(value: object, place: str) -> list[str]:
    """Texts of the options, from a list, a JSON list, or what Python prints for one; numbers become texts.

    Other programs' lists are refused, not guessed at: what numpy prints (``['a' 'b']``) would be one option to Python,
    None and nan would be options of that name, and semicolons may be part of a text.

    Errors: DataError naming ``place`` (file and row) for anything else. Only literals are read, nothing is executed.
    """
    options = _literal(value.strip()) if isinstance(value, str) else value
    if not isinstance(options, list) or not all(map(_is_option, options)):
        raise DataError(
            f"{place}: options {_short(value)} are no list of texts; write a list with commas and quotes, as JSON or Python "
            'print it: ["CT", "MRI"]'
        )
    return [str(option) for option in options]


def has_texts_run_together(text: str) -> bool:
    """Whether two texts stand in it without a comma between them, which Python reads as one.

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
    """The value of a JSON or a Python literal, None if it is neither."""
    try:
        return parse_json(text.encode())  # first: pairs of \u and \/ mean something else in Python
    except ValueError:
        pass
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # all that literal_eval raises
        return None
    return None if has_texts_run_together(text) else value


def _is_option(value: object) -> bool:
    if isinstance(value, str):
        return not any("\ud800" <= sign <= "\udfff" for sign in value)  # half a pair, which is no text
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def _short(value: object) -> str:
    """The beginning of a value of any depth."""
    try:
        return repr(str(value)[:80])
    except (RecursionError, ValueError):
        return f"({type(value).__name__})"


def letter(index: int) -> str:
    """Letter of the option at ``index``, from 0: "A" is the first."""
    return chr(ord("A") + index)


def letter_of(answer: str, options: list[str]) -> str | None:
    """Letter of the one option whose text is ``answer``; None if no option is, or several are, or ``answer`` is blank.

    Compared without white space at the ends; only where no option matches so, also without regard to case and to the
    kind and amount of white space inside.

    >>> letter_of("ct ", ["CT", "ct", "MR"])
    'B'
    """
    if not answer.strip():
        return None
    for form in (str.strip, _folded):
        found = [index for index, option in enumerate(options) if form(option) == form(answer)]
        if found:
            return letter(found[0]) if len(found) == 1 else None
    return None


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
