"""Docstrings of the package are sentences or noun phrases."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import lmms_vg

PACKAGE = Path(lmms_vg.__file__).parent

#: A relative clause without its noun, such as "What a run has taken"; a question may begin so.
CLAUSE = re.compile(r"(What|Where|Whose|Who|Which|How)\b(?![^.]*\?)")


def docstrings() -> Iterator[tuple[str, str]]:
    """Yield the place and the text of every docstring."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 1)}", ast.get_docstring(node) or ""


def test_no_docstring_begins_with_a_relative_clause() -> None:
    texts = dict(docstrings())
    assert len(texts) > 2_000
    assert [place for place, text in texts.items() if CLAUSE.match(text)] == []
