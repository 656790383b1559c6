"""The fields of docs/checkpoints.md."""

from __future__ import annotations

import re
from pathlib import Path

TABLE = Path(__file__).parents[2] / "docs" / "checkpoints.md"


def documented_fields() -> dict[tuple[str, str], set[str]]:
    """(file, field) -> its treatment according to docs/checkpoints.md."""
    treatments: dict[tuple[str, str], set[str]] = {}
    section = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ").strip("`")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 3:
            for name in re.findall(r"`([^`]+)`", cells[0]):
                treatments.setdefault((section, name), set()).update(cells[1].split(", "))
    return treatments
