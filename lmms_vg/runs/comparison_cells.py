"""Cells that several tables of a comparison have in common."""

from __future__ import annotations

from math import isnan

from lmms_vg.runs.comparison import Comparison, ComparisonLine
from lmms_vg.runs.results import Run


def method_of(table: Comparison, run: Run) -> str:
    """The method's name, with hyper-parameters if several runs have that method."""
    unique = [other.name for other in table.runs].count(run.name) == 1
    return f"{run.name if unique else run.label}{' (base)' if run is table.base and len(table.runs) > 1 else ''}"


def of_line(table: Comparison, line: ComparisonLine) -> str:
    """The method of a line, and the control that it is compared with."""
    return f"{method_of(table, line.run)} - {line.control}" if line.control else method_of(table, line.run)


def difference_of(line: ComparisonLine) -> str:
    """The difference from the base in percentage points; empty for the base itself."""
    return "" if line.against is None else f"{100 * line.against.difference.mean:+.2f}"


def interval_of(line: ComparisonLine) -> str:
    """The 95% interval of that difference; empty for the base itself."""
    if line.against is None:
        return ""
    low, high = line.against.difference.low, line.against.difference.high
    return f"{100 * low:+.2f} to {100 * high:+.2f}" if line.against.difference.has_interval else "too few images"


def show_p(p: float | None) -> str:
    """A p-value with four decimals; nothing for one that there is not."""
    if p is None or isnan(p):
        return ""
    return f"{p:.4f}" if p >= 0.0001 else "< 0.0001"
