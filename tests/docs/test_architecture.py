"""docs/architecture.md draws the package as it is: every room once, and no room that is not there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_room_is_drawn_once() -> None:
    tree = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    drawn = re.findall(r"^  (\w+)/ ", tree, flags=re.MULTILINE)
    assert sorted(drawn) == sorted(file.parent.name for file in (ROOT / "lmms_vg").glob("*/__init__.py"))


def test_every_loose_module_is_drawn() -> None:
    tree = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    assert set(re.findall(r"\w+\.py", tree)) == {file.name for file in (ROOT / "lmms_vg").glob("*.py")}


def test_every_file_named_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:\w+/)+\w+\.py)`", text))
    package = {str(file.relative_to(ROOT)) for file in (ROOT / "lmms_vg").rglob("*.py")}
    assert len(named) > 20
    assert {name for name in named if not any(path.endswith(f"/{name}") for path in package)} == set()
