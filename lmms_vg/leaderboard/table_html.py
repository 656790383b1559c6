"""Texts in a table's heads and cells: numbers of questions, intervals, and the sort order of each column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from lmms_vg.leaderboard.best_gains import BestGain
from lmms_vg.leaderboard.roles import ABOUT
from lmms_vg.leaderboard.table_model import CellView, Rank, RowView, TableView
from lmms_vg.runs.text_tables import show_p


class Head(NamedTuple):
    """The head of a column.

    Attributes:
        small: lines below the title.
        first: the sort order that puts the best on top.
        sorted: the order that the rows are in now; empty if in none.
        several: whether numbers of the column have different numbers of questions.
        of: number of ranked rows; 0 if the column has no ranks.
    """

    title: str
    small: list[str]
    first: str
    sorted: str
    several: bool
    of: int


def heads(table: TableView) -> list[Head]:
    """Return the heads of a table's columns of numbers."""
    result, sort_column = [], ranked(table)
    for number, column in enumerate(table.columns):
        cells = [row.cells[number] for row in table.measured]
        n = sorted({cell.n for cell in cells if cell.n is not None})
        counted = [column.unit, f"n {n[0]:,}" if len(n) == 1 else ""]
        small = [", ".join(filter(None, counted)), "lower is better" if column.better == "lower" else ""]
        small.append(f"chance {column.chance}" if column.chance else "")
        first = "ascending" if column.better == "lower" else "descending"
        order = first if number == sort_column and _is_sorted(cells, column.better) else ""
        of = next((cell.rank.of for cell in cells if cell.rank is not None), 0)
        result.append(Head(column.title, list(filter(None, small)), first, order, len(n) > 1, of))
    return result


def ranked(table: TableView) -> int:
    """Return the index of the column whose rank is shown before each row: the sort column, or else the first with ranks."""
    having = [
        number
        for number in range(len(table.columns))
        if any(row.cells[number].rank is not None for row in table.measured)
    ]
    return table.ranked if table.ranked in having or not having else having[0]


def interval(cell: CellView, with_n: bool = False) -> str:
    """Return the small print below a number: its interval to the same digit, and n on request."""
    digits = len(re.sub(r"[^\d.]", "", cell.text).partition(".")[2])
    texts = []
    if cell.low is not None and cell.high is not None:
        between = "–" if cell.low >= 0 else " to "
        texts.append(f"{cell.low:.{digits}f}{between}{cell.high:.{digits}f}")
    if with_n and cell.n is not None:
        texts.append(f"n {cell.n:,}")
    return ", ".join(texts)


def places(rank: Rank | None) -> str:
    """Return the places of a rank.

    >>> places(Rank(1, 3, 11)), places(Rank(2, 2, 11)), places(None)
    ('1–3', '2', '')
    """
    if rank is None:
        return ""
    return f"{rank.best}" if rank.best == rank.worst else f"{rank.best}–{rank.worst}"


def rank_text(rank: Rank | None) -> str:
    """Return a rank in words.

    >>> rank_text(Rank(1, 3, 11)), rank_text(None)
    ('1–3 of 11', '')
    """
    return "" if rank is None else f"{places(rank)} of {rank.of}"


def line_text(row: RowView) -> str:
    """Return what is said of a row that is one of several of its model and method, or has a role; else nothing."""
    if row.role:
        return f"not ranked: {ABOUT[row.role]}"
    if row.under:
        return f"not ranked: {row.under} is ranked for this model and method"
    return f"one of {row.settings} settings, the one that is ranked" if row.settings > 1 else ""


def gain_class(gain: BestGain) -> str:
    """Return the colour of a gain: of a significant win or loss that is not one of format or criterion alone, else none."""
    return "" if _elsewhere(gain) else {True: "won", False: "lost", None: ""}[gain.better]


def gain_words(gain: BestGain) -> str:
    """Return what is shown, where it lives if it is not in better answers, and by which p."""
    if not gain.difference.has_interval:
        return "too few images, or patients, differ for an interval"
    verdict = {True: "better", False: "worse", None: "no difference is shown"}[gain.better]
    claim = gain.words.claim if gain.words is not None else ""
    if _elsewhere(gain):
        verdict = f"{'a higher' if gain.difference.mean > 0 else 'a lower'} score, but {claim}"
    corrected = f", corrected for the best of {gain.among} methods" if gain.among > 1 else ""
    doubt = f"; {claim}" if claim and not _elsewhere(gain) else ""
    return f"{verdict}: p {show_p(gain.p)}{corrected}{doubt}"


def gain_evidence(gain: BestGain) -> str:
    """Return the numbers by which a gain lives in format or criterion alone; else nothing."""
    return gain.words.evidence if gain.words is not None else ""


def _elsewhere(gain: BestGain) -> bool:
    """Return whether a gain lives in format or criterion alone, so that it is no better seeing."""
    return gain.words is not None and bool(gain.words.evidence)


def gain_text(gain: BestGain) -> str:
    """Return what a method gains with its interval: "+1.23 points (0.40 to 2.10)"."""
    measure = gain.table.columns[gain.table.ranked]
    unit = {"%": " points", "": ""}.get(measure.unit, f" {measure.unit}")
    digits = 2 if measure.unit == "%" else 3
    mean, low, high = gain.difference[:3]
    ends = f" ({low + 0.0:.{digits}f} to {high + 0.0:.{digits}f})" if gain.difference.has_interval else ""
    return f"{mean + 0.0:+.{digits}f}{unit}{ends}"


def sort_value(cell: CellView) -> str:
    """Return the value to sort a cell by if its text does not begin with its number; else empty."""
    begins = re.match(r"[+-]?\d+(\.\d+)?", cell.text)
    return "" if cell.value is None or begins else f"{cell.value:.6g}"


def zero_shot(row: RowView) -> str:
    """Return it in words; the paper does not state it for every model."""
    return {True: "yes", False: "no", None: "not stated"}[row.zero_shot]


def printed_as(table: TableView) -> str:
    """Return the paper's name of this table: "Table E.3" for the key tableE3."""
    match = re.fullmatch(r"table([A-Z]?)(\d+)", table.key)
    return f"Table {match[1]}{'.' if match[1] else ''}{match[2]}" if match else ""


def _is_sorted(cells: Sequence[CellView], better: str | None) -> bool:
    ranked = [cell for cell in cells if cell.rank is not None] or [cell for cell in cells if not cell.under]
    values = [cell.value for cell in ranked if cell.value is not None]
    return len(values) > 1 and values == sorted(values, reverse=better != "lower")
