"""The site has every page, and its reference every public name and method; `make docs` fails on what it cannot read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

import lmms_vg
from lmms_vg.methods import METHODS

ROOT = Path(__file__).parents[2]


def pages(entry: Any) -> list[str]:
    """Files of a navigation, at any depth."""
    if isinstance(entry, str):
        return [entry]
    return [page for part in (entry.values() if isinstance(entry, dict) else entry) for page in pages(part)]


def test_every_page_is_in_the_navigation_once() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(pages(nav)) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def test_the_reference_has_every_public_name_and_method() -> None:
    named = re.findall(r"^::: (\S+)$", (ROOT / "docs" / "reference.md").read_text(encoding="utf-8"), re.MULTILINE)
    methods = [f"{method.__module__}.{method.__qualname__}" for method in METHODS.values()]
    assert sorted(named) == sorted(
        [
            *(f"lmms_vg.{name}" for name in lmms_vg.__all__),
            "lmms_vg.datasets.schema.Sample",
            "lmms_vg.methods.base.Method",
            *methods,
        ]
    )
