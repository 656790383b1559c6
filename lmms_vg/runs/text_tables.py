"""Write tables as text, safely for any cell: names come from data sets and command lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from math import isnan

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "&%$#_"},
}


def row(*cells: str) -> str:
    """Return one Markdown row. Inside a cell pipes become slashes, and line breaks of every kind become spaces."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', '/') for cell in cells)} |"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> str:
    """Return a Markdown table. The first `texts` columns are text, aligned left; the others are numbers."""
    rule = "|---" * texts + "|---:" * (len(head) - texts) + "|"
    return "\n".join([row(*head), rule, *(row(*cells) for cells in rows)])


def aligned(rows: Sequence[Sequence[str]], texts: int = 1) -> list[str]:
    """Rows for a terminal: columns of equal width, two spaces between them, of which the first `texts` begin at the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [
        [
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        for cells in rows
    ]
    return ["  ".join(cells).rstrip() for cells in padded]


def latex(head: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> str:
    """Return the same table as a LaTeX `tabular` for the package booktabs."""
    first, *others = (" & ".join(map(escape, cells)) + r" \\" for cells in (head, *rows))
    columns = "l" * texts + "r" * (len(head) - texts)
    begin = rf"\begin{{tabular}}{{{columns}}}"
    return "\n".join([begin, r"\toprule", first, r"\midrule", *others, r"\bottomrule", r"\end{tabular}"])


def escape(text: str) -> str:
    """Escape text so that LaTeX prints it literally, on one line; two hyphens stay two."""
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split())).replace("--", "-{}-")


def comma_separated(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a CSV table with values in full precision; None is an empty cell."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([head, *rows])
    return out.getvalue()


def known(value: float) -> float | None:
    """Return the value of a cell; None for NaN, which stands for a missing number."""
    return None if isnan(value) else value


def show_p(p: float | None) -> str:
    """Return a p-value with four decimals; empty for a missing one."""
    if p is None or isnan(p):
        return ""
    return f"{p:.4f}" if p >= 0.0001 else "< 0.0001"
