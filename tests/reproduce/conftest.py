"""Plans know the two families that every installation has, whatever else is installed with this checkout."""

from __future__ import annotations

from typing import Any

import pytest

from lmms_vg.reproduce import plan

ALWAYS = ("huatuo", "llava")


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The families by name; a test may add some."""
    families: dict[str, Any] = dict.fromkeys(ALWAYS)
    monkeypatch.setattr(plan, "families", lambda: families)
    return families
