"""Verdicts in words, for a reader; programs read the codes in the CSV files."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from lmms_vg.paper.rounding import decimals
from lmms_vg.reproduce import gains
from lmms_vg.reproduce.gains import Gain
from lmms_vg.reproduce.verdict import CellVerdict

#: Below the table of cells.
CELLS = (
    "Ours: mean in %, with its 95% interval (images are drawn as wholes; Wilson's where hardly an answer differs from the "
    "others) and number of questions",
    "the same: as many right answers as the printed number stands for, and no other row of the table prints that number. The "
    "answers themselves are not published",
    "at least k of n answers apart: the same number of questions, and at least k of them were answered otherwise; the number "
    "is ours minus the paper's, in points",
    "cannot tell: our number would also pass as the rows named, because they print the same, or because their numbers lie "
    "within our interval too",
    "within: other questions than the paper's, or scores that are not counted; the printed number, plus or minus half a unit "
    "of its last digit, meets our interval, and no other row's does. It does not mean that the answers are the same",
    "differs: the same, but it does not meet our interval",
    "inconsistent: the printed number contradicts the paper itself, whatever ours is",
)

#: Below the table of gains.
GAINS = (
    "Ours: method minus plain on the same questions, in points, with its 95% interval; p from sign flips of whole images, "
    "corrected (Holm) over the columns of a row",
    "as printed: there is a difference (corrected p at most .05) of the printed sign, and the printed size, plus or minus "
    "rounding, lies in our interval",
    "of another size: there is a difference of the printed sign, but not of the printed size",
    "not there: no difference is shown, and the printed one lies outside our interval",
    "cannot tell: no difference is shown, and the printed one is not excluded either",
    "opposite: there is a difference of the other sign",
)

#: Below the table of a figure.
FIGURE = (
    "The paper's claim: medical images have lower AR and higher KL and JS than COCO's. Of each layer: as claimed, opposite: "
    "the 95% interval of medical minus COCO lies on that side of 0; not shown: it contains 0; -: no interval, or patches are "
    "hidden there. Each set is resampled separately, by whole images, seed 0",
    "raw: the paper's values. A verdict on them is none on looking: KL and JS depend on the sizes of the boxes, so attention "
    'that never saw a box can be "as claimed" here. Intervals are of one layer and metric each, not corrected for their number',
    "excess: value minus what maps of 20 other images of the same set have on the same box (AR as a logarithm): 0 for "
    "attention that is blind to the boxes. Intervals hold together over all layers and metrics",
    "within box sizes: the gap in excess among boxes of one range of sizes; as claimed (or opposite) where some range is, and "
    "none says the contrary; mixed where ranges contradict each other. Intervals hold together over ranges, layers and metrics",
    "one size distribution: the gap in excess with both sets weighted to the mean of their distributions over these ranges",
)

_GAIN: Mapping[gains.Code, str] = {
    "as-printed": "as printed",
    "other-size": "of another size",
    "opposite": "opposite",
    "unclear": "cannot tell",
    "absent": "not there",
    "inconsistent": "inconsistent",
    "nothing": "-",
}

_NAMED = 4  # rows that are named; of more, the number is


def words(verdict: CellVerdict, printed: Decimal | None) -> str:
    """Return a cell's verdict."""
    difference = ""
    if verdict.difference is not None and printed is not None:
        difference = f"{verdict.difference:+.{max(1, decimals(printed))}f}"
    if verdict.code == "apart":
        same = f"; the same as {_rows(verdict.also)}" if verdict.also else ""
        return f"at least {verdict.apart:,} of {verdict.of:,} answers apart ({difference}){same}"
    if verdict.code == "unclear":
        return f"cannot tell: would also pass as {_rows(verdict.also)}"
    if verdict.code == "differs":
        return f"differs ({difference})"
    return {"same": "the same", "within": "within", "inconsistent": "inconsistent", "nothing": "-"}[verdict.code]


def gain_words(gain: Gain) -> str:
    """Return a gain's verdict."""
    return _GAIN[gain.code]


def _rows(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
