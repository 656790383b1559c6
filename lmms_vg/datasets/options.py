"""Options of a multiple-choice question: read from what a source writes, and the letter that an answer text means."""

import ast

from lmms_vg.datasets.source import DataError


def parse_options(value: object, place: str) -> list[str]:
    """Texts of the options, from a list or from what Python prints for one (``"['a', \\"b's\\"]"``); numbers become texts.

    Errors: DataError naming ``place`` (file and row) for anything else. Only literals are read, nothing is executed.
    """
    options = value
    if isinstance(value, str):
        try:
            options = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            options = None
    if not isinstance(options, list) or not all(isinstance(option, str | int | float) for option in options):
        raise DataError(f"{place}: options {str(value)[:80]!r} are neither a list of texts nor the print of one")
    return [str(option) for option in options]


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
