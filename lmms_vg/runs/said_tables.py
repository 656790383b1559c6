"""Print what was said, and what each difference is made of."""

from __future__ import annotations

from math import isnan

from lmms_vg.runs.comparison import Comparison, ComparisonLine
from lmms_vg.runs.comparison_cells import of_line, too_few
from lmms_vg.runs.saying import Change, Saying
from lmms_vg.runs.source_words import source_words
from lmms_vg.runs.text_tables import known

#: Columns of `said_cells`.
SAID_HEAD = ("unreadable", "yes-rate", "balanced accuracy", "d'", "criterion")
_CHANGED = ("both readable", "newly readable", "no longer", "change of d'", "change of criterion", "lives in")

#: Their meaning.
SAID = (
    "unreadable: share of the answers in which the rule reads nothing; they count as wrong. yes-rate, balanced accuracy, d' "
    "(how well yes is told from no) and criterion (below 0: yes is said readily): of the yes/no questions that were answered "
    "with yes or no"
)

#: Columns of the CSV file, in the order of `csv_cells`.
CSV_HEAD = (
    *("unreadable", "yes_rate", "balanced_accuracy", "d_prime", "criterion", "both_readable_n", "both_readable_net"),
    *("both_readable_low", "both_readable_high", "both_readable_p", "newly_readable_n", "newly_readable_net"),
    *("no_longer_readable_n", "no_longer_readable_net", "d_prime_change", "d_prime_change_p", "criterion_change"),
    *("criterion_change_p", "lives_in"),
)


def said_rows(table: Comparison) -> tuple[list[str], list[list[str]]] | None:
    """Return the table of readability and yes-rates; None if no line has read answers."""
    lines = [line for line in (*table.lines, *table.contrasts) if line.said is not None]
    if not lines:
        return None
    compared = bool(table.tested)
    rows = []
    for line in lines:
        changed = line.against.change if line.against else None
        source = line.against.source if line.against else None
        cells = [of_line(table, line), line.name, *said_cells(line.said)]
        rows.append(cells + ([*_changed(changed, table.unit), source or ""] if compared else []))
    return ["method", "task", *SAID_HEAD, *(_CHANGED if compared else ())], rows


def said_notes(table: Comparison) -> list[str]:
    """Explain the columns, and say in words where each significant difference lives."""
    if said_rows(table) is None:
        return []
    notes = [SAID]
    if any(line.against and line.against.change for line in table.tested):
        notes.append(
            "both readable, newly readable, no longer: how many questions, and what they add to the number of right answers; "
            "with the p-value of the first part, which describes these questions only. lives in: said of differences with p "
            "(Holm) < .05"
        )
    missing = list(dict.fromkeys(line.run.label for line in table.lines if line.said is None and line.metric == "acc"))
    if missing:
        notes.append(f"What was said is not known of {', '.join(missing)}: the samples do not state what was read")
    return notes + [
        words for line in table.tested if (words := _words(line, f"{of_line(table, line)}, {line.name}")) is not None
    ]


def csv_cells(line: ComparisonLine) -> list[object]:
    """Return the values of `CSV_HEAD`; None where one is not known."""
    said: list[float | None] = [None] * 5
    if line.said is not None:
        detection = line.said.detection
        said = [line.said.unreadable, *(map(known, detection[1:]) if detection else [None] * 4)]
    changed: list[object] = [None] * 14
    if line.against is not None and (change := line.against.change) is not None:
        parts, readable, shift = change.parts, change.parts.readable, change.shift
        tested = [known(value) for value in readable[1:4]] if readable else [None] * 3
        changed = [*parts.both, *tested, *parts.newly, *parts.no_longer]
        shifts = (shift.d_prime, shift.criterion) if shift else ()
        changed += [known(value) for difference in shifts for value in (difference.mean, difference.p)] or [None] * 4
        changed += [line.against.source]
    return [*said, *changed]


def said_cells(said: Saying | None) -> list[str]:
    """Return the cells of `SAID_HEAD`; empty where something is not known."""
    if said is None:
        return [""] * 5
    detection = said.detection
    if detection is None:
        return [f"{said.unreadable:.3f}", "", "", "", ""]
    values = (detection.balanced_accuracy, detection.d_prime, detection.criterion)
    shown = ["one class" if isnan(value) else f"{value:.3f}" for value in values]
    return [f"{said.unreadable:.3f}", f"{detection.yes_rate:.3f}", *shown]


def _changed(change: Change | None, unit: str) -> list[str]:
    if change is None:
        return [""] * 5
    parts, shift = change.parts, change.shift
    both, newly, no_longer = (f"{part.n}: {part.net:+g}" for part in (parts.both, parts.newly, parts.no_longer))
    if parts.readable is not None:
        both += f" (p {parts.readable.p:.4f})"
    if shift is None:
        return [both, newly, no_longer, "", ""]
    shifts = [
        f"{difference.mean:+.2f} ({too_few(unit) if isnan(difference.p) else f'p {difference.p:.4f}'})"
        for difference in (shift.d_prime, shift.criterion)
    ]
    return [both, newly, no_longer, *shifts]


def _words(line: ComparisonLine, subject: str) -> str | None:
    """Return a sentence on a significant difference that does not come from better answers."""
    if line.against is None or line.against.change is None:
        return None
    words = source_words(line.against.difference.mean, line.against.change, line.against.source)
    if words is None:
        return None
    return f"**{subject}: {words.claim}**: {words.evidence}" if words.evidence else f"{subject}: {words.claim}"
