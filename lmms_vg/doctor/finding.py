"""What a check found: all is well, something to know, or a problem with its remedy."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

Mark = Literal["ok", "note", "PROBLEM"]

_WIDTH = 120
_INDENT = " " * 11


class CheckResult(NamedTuple):
    """``remedy`` starts with the next command to type; a PROBLEM always has one."""

    mark: Mark
    text: str
    remedy: str = ""

    def lines(self) -> Iterator[str]:
        """The text wrapped, then the remedy in a line of its own, whole, so that it can be copied."""
        text = " ".join(self.text.split())
        start = f"  {self.mark:9}"
        yield from textwrap.wrap(
            text,
            _WIDTH,
            initial_indent=start,
            subsequent_indent=_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        if self.remedy:
            yield f"{_INDENT}remedy: {self.remedy}"


Check = Callable[[], Iterable[CheckResult]]


def ok(text: str) -> CheckResult:
    return CheckResult("ok", text)


def note(text: str, remedy: str = "") -> CheckResult:
    return CheckResult("note", text, remedy)


def problem(text: str, remedy: str) -> CheckResult:
    return CheckResult("PROBLEM", text, remedy)


def described(failure: BaseException) -> str:
    """An exception in one line: its type, and the first line of what it says."""
    said = str(failure).strip().splitlines()
    return f"{type(failure).__name__}{f': {said[0]}' if said else ''}"
