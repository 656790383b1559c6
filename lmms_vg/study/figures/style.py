"""The style that the study's figures share beside that of print: the colour of each side, frames, sizes, labels and notes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import NamedTuple

from lmms_vg.runs.tidy_rows import SEED
from lmms_vg.runs.units import plural, together
from lmms_vg.study.questions import MEDICAL, NATURAL, PHANTOM

GREY = "#777777"

#: Frame of the layer of lowest KL (paper, Figures J.15 to J.23), and of a box.
BEST, BOX = "#ff7f0e", "#00e5ff"

WIDTH = 7.2  # inches: a page of text


class LineLook(NamedTuple):
    """The style of a line."""

    colour: str
    style: str
    marker: str


SIDES = {
    MEDICAL: LineLook("#D55E00", "-", "o"),
    NATURAL: LineLook("#0072B2", "--", "s"),
    PHANTOM: LineLook("#009E73", "-.", "^"),
}


def wrapped(text: str, width: int = 26, lines: int = 3) -> str:
    """Break a label into lines; what does not fit ends in "…"."""
    return "\n".join(textwrap.wrap(text, width, max_lines=lines, placeholder=" …"))


def seed_note(units: Iterable[str]) -> str:
    """Note under the bands: unit and seed of the draws.

    Args:
        units: what was drawn as a whole, `image` or `patient`, of each part of the figure.
    """
    return f"Bands: 95%, whole {plural(together(units))} drawn (seed {SEED}); none under ten"
