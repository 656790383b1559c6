"""Sentences of tables: medical against natural images, right answers against grounded ones, wordings of one question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan

from lmms_vg.runs.grounding import HIDDEN
from lmms_vg.runs.tidy_rows import Row
from lmms_vg.study.breakdown_table import BINS
from lmms_vg.study.gap_table import ALL, STANDARDISED
from lmms_vg.study.page.finding import TestedFinding, counted, ends, normal_p, times
from lmms_vg.study.page.input import Headline

#: (model, method) -> how the page calls it.
ShortNames = Mapping[tuple[str, str], str]


def rows_shown(table: Sequence[Row], names: ShortNames) -> list[Row]:
    """Return the rows of what the page shows: runs under a control are in the tables alone."""
    return [row for row in table if (row["model"], row["method"]) in names]


def gap_headlines(table: Sequence[Row], names: ShortNames) -> Iterator[TestedFinding]:
    """Say of every pair of medical and natural tasks how far apart they are: over a blind look, by size of boxes, and raw.

    The verdict is of the gap for one distribution of box sizes, or of all boxes where no size has ten images on both sides.
    """
    shown = rows_shown(table, names)
    for key in dict.fromkeys((row["model"], row["method"], row["task"]) for row in shown):
        rows = {
            (row["measure"], row["quantity"], row["boxes"]): row
            for row in shown
            if (row["model"], row["method"], row["task"]) == key
        }
        judged = rows.get(("AR", "excess", STANDARDISED)) or rows.get(("AR", "excess", ALL))
        if judged is not None:
            text = f"{names[key[:2]]}, {key[2]} against {judged['natural_task']}: {_gap_text(rows)}"
            p = normal_p(judged["gap"], judged["low"], judged["high"])
            finding = TestedFinding(text, -judged["gap"], p, not isnan(judged["low"]))
            yield finding.unless(judged["as_claimed"] == HIDDEN)


def _gap_text(rows: Mapping[tuple[str, str, str], Row]) -> str:
    every = rows["AR", "excess", ALL]
    same_sizes = rows.get(("AR", "excess", STANDARDISED))
    parts = [
        f"in layer {every['layer']} (of lowest KL, chosen on {every['layer_chosen_on']}) the lead of the box over maps of "
        f"other images is on medical images {_ratio(every)} that on natural ones ({_of_both(every)})"
    ]
    if same_sizes:
        parts.append(
            f"with natural boxes counted at the sizes of the medical ones {_ratio(same_sizes)} ({_of_both(same_sizes)})"
        )
    sizes = [(name, rows["AR", "excess", name]) for name in BINS if ("AR", "excess", name) in rows]
    if sizes:
        parts.append(
            "by size of the box " + ", ".join(f"{name}: {_ratio(row)} ({_of_both(row)})" for name, row in sizes)
        )
    raw = [(name, rows[name, "value", ALL]) for name in ("AR", "KL", "JS") if (name, "value", ALL) in rows]
    if raw:
        gaps = ", ".join(f"{name} {row['gap']:+.2f} {ends(row['low'], row['high'], 2)}" for name, row in raw)
        parts.append(f"raw, where box size alone makes a gap, {gaps} ({_of_both(raw[0][1])})")
    return "; ".join(parts) + ". 1 is no gap, and below 1 is what the paper claims."


def _ratio(row: Row) -> str:
    return times(row["gap"], row["low"], row["high"])


def _of_both(row: Row) -> str:
    medical = counted(row["n"], row["images"], row["unit"], "medical ")
    return f"{medical}; {counted(row['n_natural'], row['images_natural'], row['natural_unit'], 'natural ')}"


def correct_headlines(table: Sequence[Row], names: ShortNames) -> Iterator[TestedFinding]:
    """Say of every task with answers whether the lead over a blind look tells right answers from wrong ones."""
    for row in rows_shown(table, names):
        if (row["measure"], row["quantity"], row["box share"]) != ("AR", "excess", "all") or isnan(row["auc"]):
            continue
        grounded, elsewhere = row["both"] + row["grounded_only"], row["right_only"] + row["neither"]
        text = (
            f"{names[row['model'], row['method']]}, {row['task']}: in layer {row['layer']} {_share(row['both'], grounded)} of "
            f"the answers are right where the box has more attention than on maps of other images, and "
            f"{_share(row['right_only'], elsewhere)} where it has not. A right answer's look is the better one in "
            f"{100 * row['auc']:.0f}% of pairs of a right and a wrong answer {_percents(row)} "
            f"({counted(row['n'], row['images'], row['unit'])}). 50% is what a look has that tells nothing."
        )
        p = normal_p(row["auc"] - 0.5, row["low"], row["high"])
        yield TestedFinding(text, row["auc"] - 0.5, p, not isnan(row["low"])).unless(row["hidden_patches"])


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}" + (f" ({100 * part / whole:.0f}%)" if whole else "")


def _percents(row: Row) -> str:
    return ends(100 * row["low"], 100 * row["high"], 0)


def repeat_headlines(table: Sequence[Row], names: ShortNames) -> Iterator[Headline]:
    """Say of boxes that are asked about in several wordings how much of the look is the box, and not the wording."""
    for row in rows_shown(table, names):
        if row["measure"] == "placement" and not isnan(row["reliability"]):
            text = (
                f"{names[row['model'], row['method']]}, {row['task']}: {100 * row['reliability']:.0f}% {_percents(row)} of the "
                f"variance of placement in layer {row['layer']} is between boxes, the rest between wordings of one question "
                f"({row['boxes']:,} boxes, {counted(row['n'], row['images'], row['unit'])}). 100% is a look that the wording "
                "does not move."
            )
            yield Headline(text, "no verdict")
