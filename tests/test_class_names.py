"""A class name means one thing in the whole package, so that a search or a traceback says where one is."""

from __future__ import annotations

import ast
from pathlib import Path

import lmms_vg

PACKAGE = Path(lmms_vg.__file__).parent


def test_no_two_classes_share_a_name() -> None:
    places: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))
    assert len(places) > 100
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
