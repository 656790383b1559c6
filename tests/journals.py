"""Journals for tests, and what is read of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lmms_vg.journal import Journal, Record

Opened = Callable[..., Journal]


def record(key: str, **values: Any) -> Record:
    return Record(**{"key": key, "task": "t", "uid": f"u/{key}", "text": f"says {key}", **values})


def find(made: Journal, key: str) -> Record | None:
    return made.find(key, "t", f"u/{key}")
