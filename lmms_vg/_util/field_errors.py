"""Words for an invalid field that pydantic reports."""

from __future__ import annotations

from typing import Any


def said(error: Any) -> str:
    """Return the message of an entry of `ValidationError.errors()`; of a validator of ours, its own words without a prefix."""
    return str(error["msg"]).removeprefix("Value error, ")
