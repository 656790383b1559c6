"""Cells that several tables of a comparison have in common."""

from __future__ import annotations

from lmms_vg.metrics.statistics import Difference
from lmms_vg.runs.comparison import Comparison, ComparisonLine
from lmms_vg.runs.results import Run
from lmms_vg.runs.units import plural


def too_few(unit: str = "image") -> str:
    """Text shown in place of a missing interval or p-value.

    >>> too_few("patient")
    'too few patients'
    """
    return f"too few {plural(unit)}"


def method_of(table: Comparison, run: Run) -> str:
    """Return the method's name, with hyper-parameters if several runs have that method."""
    unique = [other.name for other in table.runs].count(run.name) == 1
    return f"{run.name if unique else run.label}{' (base)' if run is table.base and len(table.runs) > 1 else ''}"


def of_line(table: Comparison, line: ComparisonLine) -> str:
    """Return the method of a line, and the control that it is compared with."""
    return f"{method_of(table, line.run)} - {line.control}" if line.control else method_of(table, line.run)


def difference_of(line: ComparisonLine) -> str:
    """Return the difference from the base in percentage points; empty for the base itself."""
    return "" if line.against is None else f"{100 * line.against.difference.mean:+.2f}"


def interval_of(line: ComparisonLine, unit: str = "image") -> str:
    """Return the 95% interval of that difference; empty for the base itself."""
    if line.against is None:
        return ""
    return show_interval(line.against.difference, unit=unit)


def show_interval(difference: Difference, factor: int = 100, digits: int = 2, unit: str = "image") -> str:
    """Return the 95% interval of a difference, in percentage points or with another factor and number of digits."""
    if not difference.has_interval:
        return too_few(unit)
    return f"{factor * difference.low:+.{digits}f} to {factor * difference.high:+.{digits}f}"
