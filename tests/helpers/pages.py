"""Pages of the documentation: the files and commands that a reader is told to write and type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Language and text of every block of a page."""
    for found in _BLOCK.finditer((DOCS / page).read_text()):
        yield found[1], found[2]


def files(page: str) -> dict[str, str]:
    """Blocks whose first line is a comment that says what they are, such as `# reader.py`."""
    named = (text.partition("\n") for _, text in blocks(page) if text.startswith("# "))
    return {first.removeprefix("# "): rest for first, _, rest in named}


def commands(page: str) -> list[str]:
    """What is typed, block after block."""
    return [text for language, text in blocks(page) if language == "sh"]
