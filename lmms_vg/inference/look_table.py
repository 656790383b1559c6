"""The values of looks at one question, each beside what attention that is blind to the boxes would have."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from math import isnan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics import alignment, placement
from lmms_vg.metrics.uniform import uniform
from lmms_vg.runs.text_tables import markdown

#: The meaning of `blind` in the rows.
BLIND = (
    "Blind is what attention has that is spread evenly over the image. Placement is the share of the places in the image at "
    "which the same box would hold less attention; 0.50 is chance. One image says nothing about others"
)
_DASH = (
    "No KL (-) where patches have no attention at all, no placement where the box has fewer than five places, nothing of other "
    "images where a method's run has fewer than five of this size and padding, or where there is none"
)
_WIDTH = 100


class LookRow(NamedTuple):
    """One measure.

    Attributes:
        name: its name, and which direction is better.
        values: one per look; NaN where it is undefined.
        blind: what attention that is blind to the boxes has.
    """

    name: str
    values: list[float]
    blind: float


def rows_of(maps: Sequence[NDArray[np.float64]], mask: NDArray[np.bool_], visible: NDArray[np.bool_]) -> list[LookRow]:
    """Measure maps (rows, cols) against the patches in a box.

    Args:
        maps: one per look, of any scale.
        mask: (rows, cols), patches in a box, at least one.
        visible: (rows, cols), patches that show image.
    """
    even = uniform(mask.sum(), visible.sum(), mask.size)
    lifts = np.stack(maps)
    kl = alignment.kl_divergence(lifts, mask)
    kl[(lifts == 0).any(axis=(1, 2))] = np.nan
    return [
        LookRow("AR (more)", alignment.attention_ratio(lifts, mask).tolist(), float(even.ar)),
        LookRow("KL (less)", kl.tolist(), float(even.kl)),
        LookRow("JS (less)", alignment.js_divergence(lifts, mask).tolist(), float(even.js)),
        LookRow("placement (more)", placement.place(lifts, mask, visible).share.tolist(), 0.5),
    ]


def as_text(question: str, answers: Mapping[str, str], rows: Sequence[LookRow], notes: Sequence[str]) -> str:
    """Return answers and values as text; the values are a Markdown table.

    Args:
        question: the text that was asked.
        answers: method -> answer.
        rows: the values, in the order of `answers`; none without boxes.
        notes: sentences to print below, without their full stops.
    """
    parts = [question, *(f"  {method}: {answer}" for method, answer in answers.items()), ""]
    if rows:
        cells = [[row.name, *map(shown, row.values), shown(row.blind)] for row in rows]
        parts += [markdown(["", *answers, "blind"], cells, texts=1), ""]
    return "\n".join([*parts, *(textwrap.fill(f"{note}.", _WIDTH) for note in [*explained(rows), *notes])])


def explained(rows: Sequence[LookRow]) -> list[str]:
    """Return what the columns and dashes of the values mean; nothing without values."""
    dashes = [_DASH] if any(isnan(value) for row in rows for value in row.values) else []
    return [BLIND, *dashes] if rows else []


def shown(value: float) -> str:
    """Return a value with two decimals, a dash for NaN."""
    return "-" if isnan(value) else f"{value:.2f}"
