"""Find paths, host names and tokens: nothing about the submitter's machine may leave with a submission."""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmms_vg.submission.findings import Finding

_PATTERNS = {
    "an absolute path": re.compile(
        r"(?<![\w:/.])(?:/(?:home|root|users|mnt|media|data|tmp|var|opt|srv|etc|usr|work|workspace|scratch|gpfs|lustre|nfs|content|"
        r"kaggle|private|volumes)/|~/|[a-z]:[\\/](?!/)|\\\\\w)",
        re.IGNORECASE,
    ),
    "a token": re.compile(
        r"hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|AKIA[0-9A-Z]{16}|"
        r"xox[abp]-[\w-]{10,}|(?<![\w-])eyJ[\w-]{10,2000}\.eyJ[\w-]{10}|-----BEGIN [A-Z ]*PRIVATE KEY"
    ),
}
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|API_?KEY", re.IGNORECASE)
_SHORT = 6  # names and values of fewer characters may be ordinary words


def findings(value: Any, where: str) -> Iterator[Finding]:
    """Yield a finding for every text of a JSON value, names included, that shows a path or a token, without repeating it."""
    for place, text in _texts(value, where):
        for what, pattern in _PATTERNS.items():
            if pattern.search(text):
                yield Finding("private", place, f"holds {what}")


def own_findings(value: Any, where: str) -> Iterator[Finding]:
    """Yield those, and what only this machine knows: its name, the user's name and home, the values of secret variables."""
    yield from findings(value, where)
    secrets = {name: text for name, text in os.environ.items() if _SECRET.search(name) and len(text) > _SHORT}
    known = {"this machine's name": socket.gethostname(), "your home folder": str(Path.home())}
    known |= {"your user name": _user()} | {f"the value of {name}": text for name, text in secrets.items()}
    for place, content in _texts(value, where):
        for what, hidden in known.items():
            if len(hidden) >= _SHORT and re.search(rf"(?<!\w){re.escape(hidden)}(?!\w)", content):
                yield Finding("private", place, f"holds {what}")


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield f"{where}, a name", name
            yield from _texts(item, f"{where} {name}"[:200])
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, where)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return ""
