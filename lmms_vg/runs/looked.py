"""Read where the model looked while it answered, from the lines of tasks whose questions have an answer and a place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple


class Looked(NamedTuple):
    """Attention while the model answered one question, measured against the question's region.

    Attributes:
        ar: attention ratio, one value per layer.
        kl: KL, one value per layer.
        js: JS divergence, one value per layer.
    """

    ar: list[float]
    kl: list[float]
    js: list[float]


def looked(answered: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Looked]:
    """Return uid -> where the model looked, of the pairs of item and line that have a value; empty for other tasks."""
    return {
        item["uid"]: Looked(line["ar"]["ar"], line["ar"]["kl"], line["js"]["js"])
        for item, line in answered
        if "error" not in item and "ar" in line
    }
