"""Print repeated runs: the mean of every setting with several seeds, and the differences between settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan

from lmms_vg.runs.comparison_cells import show_interval
from lmms_vg.runs.repeated import Repeated
from lmms_vg.runs.repeated_changes import RepeatedChange, named
from lmms_vg.runs.text_tables import known, show_p
from lmms_vg.runs.units import plural

Table = tuple[list[str], list[list[str]]]

ABOUT = (
    "repeated runs differ in a seed alone. spread: standard deviation of the score from run to run on these questions. Errors "
    "are standard errors: for other seeds, for other {units}, and for both, which is the square root of seeds^2 + {units}^2 "
    "less what the two have in common; the interval is for both, by Student's t with Satterthwaite's degrees of freedom"
)
_ABOUT_CHANGES = (
    "differences of repeated runs: between the means of two settings, paired by question, and by seed where both have the "
    "same seeds (paired); a setting with one run is taken as it is. p is the larger of the t test's and that of sign flips of "
    "whole {units}, corrected (Holm) for the settings tried"
)
_HEAD = ("repeated runs", "task", "runs", "mean (%)", "spread", "error: seeds", "error: {units}", "error: both")
_HEAD_CHANGES = ("repeated runs", "task", "n", "runs", "difference", "error: seeds", "error: {units}", "error: both")

#: Further columns of the CSV file.
CSV_HEAD = ("runs", "spread", "error_seeds", "error_units")


def repeated_table(means: Sequence[Repeated], unit: str) -> Table:
    """Heading and rows of the means, in percentage points."""
    rows = [
        [
            *(entry.label, entry.name, str(entry.summary.runs), f"{100 * entry.summary.mean:.2f}"),
            *_percent(entry.summary.spread, entry.summary.of_runs, entry.summary.of_images, entry.summary.error),
            "" if isnan(entry.summary.low) else f"{100 * entry.summary.low:.2f} to {100 * entry.summary.high:.2f}",
        ]
        for entry in means
    ]
    return [*(cell.format(units=plural(unit)) for cell in _HEAD), "95% interval"], rows


def changes_table(changes: Sequence[RepeatedChange], unit: str) -> Table:
    """Heading and rows of the differences, in percentage points."""
    rows = [
        [
            *(f"({named(change.setting)}) - ({named(change.other)})", change.name, str(change.n), _runs(change)),
            f"{100 * change.result.difference.mean:+.2f}",
            *_percent(change.result.of_runs, change.result.of_images, change.result.difference.error),
            *(
                show_interval(change.result.difference, unit=unit),
                show_p(change.result.difference.p),
                show_p(change.holm),
            ),
        ]
        for change in changes
    ]
    return [*(cell.format(units=plural(unit)) for cell in _HEAD_CHANGES), "95% interval", "p", "p (Holm)"], rows


def repeated_parts(means: Sequence[Repeated], changes: Sequence[RepeatedChange], unit: str) -> list[tuple[str, Table]]:
    """Return the tables that there are, each with the note that explains it."""
    units = plural(unit)
    parts = [(ABOUT.format(units=units), repeated_table(means, unit))] if means else []
    return parts + ([(_ABOUT_CHANGES.format(units=units), changes_table(changes, unit))] if changes else [])


def repeated_csv(means: Sequence[Repeated], changes: Sequence[RepeatedChange], unit: str) -> list[Mapping[str, object]]:
    """Return one line per mean and per difference, by the names of columns."""
    lines: list[Mapping[str, object]] = []
    for entry in means:
        summary = entry.summary
        lines.append(
            {
                "method": entry.label,
                "task": entry.name,
                "n": entry.n,
                "score": summary.mean,
                "unit": unit,
                "runs": summary.runs,
                "spread": summary.spread,
                "standard_error": known(summary.error),
                "error_seeds": summary.of_runs,
                "error_units": known(summary.of_images),
                "low": known(summary.low),
                "high": known(summary.high),
            }
        )
    for change in changes:
        difference = change.result.difference
        lines.append(
            {
                "method": named(change.setting),
                "task": change.name,
                "n": change.n,
                "base": named(change.other),
                "difference": difference.mean,
                "low": known(difference.low),
                "high": known(difference.high),
                "p": difference.p,
                "p_holm": change.holm,
                "least_p": difference.least,
                "unit": unit,
                "differing_images": difference.images,
                "standard_error": known(difference.error),
                "runs": _runs(change),
                "error_seeds": change.result.of_runs,
                "error_units": known(change.result.of_images),
            }
        )
    return lines


def _runs(change: RepeatedChange) -> str:
    return f"{change.result.runs[1]} - {change.result.runs[0]}{', paired' if change.result.by_seed else ''}"


def _percent(*values: float) -> list[str]:
    return ["" if isnan(value) else f"{100 * value:.2f}" for value in values]
