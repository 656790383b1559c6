"""The result of a check: all is well, a note, or a problem with its remedy."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

Mark = Literal["ok", "note", "PROBLEM"]

_WIDTH = 120
_INDENT = " " * 11


class CheckResult(NamedTuple):
    """One finding. `remedy` starts with the next command to type; a PROBLEM always has one."""

    mark: Mark
    text: str
    remedy: str = ""

    def lines(self) -> Iterator[str]:
        """Yield the text, wrapped, then the remedy on its own line, unwrapped so that it can be copied."""
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
    """Return a finding that all is well."""
    return CheckResult("ok", text)


def note(text: str, remedy: str = "") -> CheckResult:
    """Return a finding worth knowing, which does not stop a run."""
    return CheckResult("note", text, remedy)


def problem(text: str, remedy: str) -> CheckResult:
    """Return a finding that stops a run, with its remedy."""
    return CheckResult("PROBLEM", text, remedy)


def described(failure: BaseException) -> str:
    """Return an exception on one line: its type and the first line of its message."""
    message = str(failure).strip().splitlines()
    return f"{type(failure).__name__}{f': {message[0]}' if message else ''}"
