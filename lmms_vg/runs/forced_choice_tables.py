"""Print what runs prefer among the allowed answers: the block "forced choice" of reports and comparisons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isnan

from lmms_vg.journal import NO_VALUE
from lmms_vg.metrics.statistics import Difference
from lmms_vg.metrics.statistics.label_swaps import Shift
from lmms_vg.runs.comparison import Comparison, ComparisonLine
from lmms_vg.runs.comparison_cells import of_line, show_interval, too_few
from lmms_vg.runs.forced_choice import Forced, ForcedChange, Missing, is_not_shown
from lmms_vg.runs.text_tables import known, markdown, show_p

#: Columns of one run.
HEAD = ("n", "mass", "forced choice (%)", "AUC", "Brier", "log score", "ECE")
_CHANGED = (
    *("change", "95% interval", "p", "p (Holm)", "change of AUC", "at the base's yes-rate"),
    *("change of Brier", "change of log score"),
)

#: Their meaning.
ABOUT = (
    "forced choice: the allowed answer (yes or no, or a letter) with the highest probability as the first answer token is "
    "taken, whatever was written; it stands beside the score and does not replace it. mass: mean probability of the allowed "
    "answers together. AUC: how well log p(yes) - log p(no) tells yes from no at any threshold (.5 is chance). Brier, log "
    "score: how far probabilities lie from the truth (0 is perfect). ECE: mean distance of confidence and accuracy, ten bins"
)

#: Columns of the CSV file, in the order of `csv_cells`.
CSV_HEAD = (
    *("forced_n", "forced_mass", "forced_score", "forced_score_low", "forced_score_high"),
    *("forced_auc", "forced_brier", "forced_log_score", "forced_ece"),
    *("forced_difference", "forced_low", "forced_high", "forced_p", "forced_p_holm", "auc_change", "auc_change_p"),
    *("at_rate_difference", "at_rate_p", "brier_change", "brier_change_p", "log_score_change", "log_score_change_p"),
)


def report_table(tasks: Mapping[str, Forced], unit: str = "image") -> str:
    """Return the table of one run, with the interval of forced choice; empty if no task has values."""
    rows = []
    for name, values in tasks.items():
        if values.n:
            low, high = values.interval
            ends = f"one {unit}" if isnan(low) else f"{100 * low:.2f} to {100 * high:.2f}"
            cells = forced_cells(values)
            rows.append([name, *cells[:3], ends, *cells[3:]])
    return markdown(["forced choice", *HEAD[:3], "95% interval", *HEAD[3:]], rows, texts=1) if rows else ""


def missing_note(name: str, values: Sequence[Forced]) -> str:
    """Say in one line how many of a run's questions have no values and why; empty if all have them."""
    missing: Counter[Missing] = sum((Counter(entry.missing) for entry in values), Counter())
    unknown = missing.pop("not_recorded", 0)
    if unknown and not any(entry.n for entry in values):
        return (
            f"{name} has no first-token values, which an older version or another model does not record: no forced choice, "
            "AUC, Brier score or calibration"
        )
    reasons = [f"{count}: {NO_VALUE[code]}" for code, count in missing.items() if code in NO_VALUE]
    reasons += [f"{unknown}: not recorded"] if unknown else []
    counted = any(entry.n for entry in values) or set(missing) - {"open_set"}
    return f"{name}: questions without first-token values: {'; '.join(reasons)}" if reasons and counted else ""


def forced_rows(table: Comparison) -> tuple[list[str], list[list[str]]] | None:
    """Return the table of a comparison; None if no line has values."""
    lines = [line for line in (*table.lines, *table.contrasts) if line.forced is not None and line.forced.n]
    if not lines:
        return None
    rows = []
    for line in lines:
        assert line.forced is not None
        cells = [of_line(table, line), line.name, *forced_cells(line.forced)]
        rows.append(
            cells + (_changed(line.against.forced if line.against else None, table.unit) if table.tested else [])
        )
    return ["method", "task", *HEAD, *(_CHANGED if table.tested else ())], rows


def forced_notes(table: Comparison) -> list[str]:
    """Explain the columns, say which values are missing, and which differences do not show in forced choice."""
    notes = []
    if forced_rows(table) is not None:
        notes.append(ABOUT)
        if any(line.against and line.against.forced for line in table.tested):
            notes.append(
                "change, change of AUC and of scores: on the same questions, in points for forced choice; below 0 is better "
                "for Brier and log score. at the base's yes-rate: change in points if both runs say yes as often as the base "
                "prefers it. Only p (Holm) is corrected"
            )
    for run in table.runs:
        values = [
            line.forced
            for line in table.lines
            if line.run is run and line.forced is not None and line.name not in table.pooled | table.weighted
        ]
        if note := missing_note(run.label, values):
            notes.append(note)
    return notes + [words for line in table.tested if (words := _words(table, line))]


def csv_cells(line: ComparisonLine) -> list[object]:
    """Return the values of `CSV_HEAD`; None where one is not known."""
    own: list[object] = [None] * 9
    if (values := line.forced) is not None:
        numbers = (values.mass, values.accuracy, *values.interval, values.auc, values.brier, values.log_score)
        own = [values.n, *map(known, [*numbers, values.calibration_error])]
    changed: list[object] = [None] * 13
    if line.against is not None and (change := line.against.forced) is not None:
        accuracy = change.accuracy
        changed = [accuracy.mean, known(accuracy.low), known(accuracy.high), accuracy.p, change.holm]
        for difference in (change.auc, change.at_rate, change.brier, change.log_score):
            changed += [None, None] if difference is None else [difference.mean, known(difference.p)]
    return [*own, *changed]


def forced_cells(values: Forced) -> list[str]:
    """Return the cells of `HEAD`."""
    scores = (values.auc, values.brier, values.log_score, values.calibration_error)
    shown = ("" if isnan(score) else f"{score:.3f}" for score in scores)
    return [str(values.n), f"{values.mass:.3f}", f"{100 * values.accuracy:.2f}", *shown]


def _changed(change: ForcedChange | None, unit: str) -> list[str]:
    if change is None:
        return [""] * len(_CHANGED)
    accuracy = change.accuracy
    return [
        *(f"{100 * accuracy.mean:+.2f}", show_interval(accuracy, unit=unit), show_p(accuracy.p), show_p(change.holm)),
        *(_tested(change.auc, unit), _tested(change.at_rate, unit, 100, 2)),
        *(_tested(change.brier, unit), _tested(change.log_score, unit)),
    ]


def _tested(difference: Difference | Shift | None, unit: str, factor: int = 1, digits: int = 3) -> str:
    if difference is None:
        return ""
    return (
        f"{factor * difference.mean:+.{digits}f} "
        f"({too_few(unit) if isnan(difference.p) else f'p {show_p(difference.p)}'})"
    )


def _words(table: Comparison, line: ComparisonLine) -> str:
    """Return a sentence on a significant difference that forced choice does not show."""
    if line.against is None or (change := line.against.forced) is None:
        return ""
    difference = line.against.difference.mean
    if not is_not_shown(difference, line.against.holm, change):
        return ""
    kind = "gain" if difference > 0 else "loss"
    return (
        f"**{of_line(table, line)}, {line.name}: forced choice does not show the {kind}**: of {change.n} questions it changes "
        f"by {100 * change.accuracy.mean:+.2f} points (p (Holm) {show_p(change.holm)})"
    )
