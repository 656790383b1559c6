"""A family's description of itself: its checkpoints, and what of it was verified; the table of all families."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lmms_vg.models.base import Family

_COLUMNS = (
    "family",
    "checkpoint",
    "licence",
    "gated",
    "GB in bf16",
    "tokens per image",
    "prompt",
    "preprocessing",
    "verified",
    "not verified",
)


def table(families: Mapping[str, type[Family]]) -> Iterator[str]:
    """Yield the lines of a Markdown table, one row per checkpoint; what holds for a whole family is in its first row."""
    yield _row(_COLUMNS)
    yield _row(["---"] * len(_COLUMNS))
    for name, family in families.items():
        card = family.card
        about = [card.tokens, card.prompt, card.preprocessing, card.verified, card.not_verified]
        for checkpoint in card.checkpoints or (None,):
            own = ["", "", "", ""]
            if checkpoint is not None:
                size = f"{checkpoint.gigabytes:g}"
                own = [checkpoint.name, checkpoint.licence, "yes" if checkpoint.gated else "no", size]
            yield _row([f"`{name}`" if name else "", *own, *about])
            name, about = "", [""] * len(about)


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
