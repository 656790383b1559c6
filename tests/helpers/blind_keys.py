"""A key of a blind study."""

from __future__ import annotations

from typing import Any

from lmms_vg.vgmed.blind_key import BlindKey


def key(**changes: Any) -> BlindKey:
    fields: dict[str, Any] = {
        "secret": "0b" * 32,
        "task": "t",
        "layer": 2,
        "arms": {"plain": "p", "method": "m"},
        "cases": ["a", "b"],
        "made_with": {},
    }
    return BlindKey(**fields | changes)
