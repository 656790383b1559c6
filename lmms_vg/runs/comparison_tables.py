"""Print a comparison as Markdown, CSV or LaTeX.

The first table has accuracies, one row per run and one column per task, as the paper's Table F.4, and what answers without
the image reach; the second has every difference; the third what was said (`said_tables`); the fourth what the runs prefer among
the allowed answers (`forced_choice_tables`); the fifth what is left under image controls (`image_control_tables`); the next
sums up runs that differ in a seed alone (`repeated_tables`); the last one where they look (`grounding_change_tables`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isnan

from lmms_vg.runs import forced_choice_tables as forced
from lmms_vg.runs.comparison import MARGIN, Comparison, ComparisonLine
from lmms_vg.runs.comparison_cells import difference_of, interval_of, method_of, of_line
from lmms_vg.runs.comparison_notes import about, explained
from lmms_vg.runs.grounding_change_tables import look_cells, look_notes, look_rows
from lmms_vg.runs.image_control_tables import CSV_HEAD as CONTROL_HEAD
from lmms_vg.runs.image_control_tables import control_notes, control_rows
from lmms_vg.runs.image_control_tables import csv_cells as control_cells
from lmms_vg.runs.repeated_tables import CSV_HEAD as REPEATED_HEAD
from lmms_vg.runs.repeated_tables import repeated_csv, repeated_parts
from lmms_vg.runs.said_tables import CSV_HEAD, csv_cells, said_notes, said_rows
from lmms_vg.runs.saying import LEVEL
from lmms_vg.runs.text_tables import comma_separated, escape, known, latex, markdown, show_p

Cells = list[list[str]]

_TESTED = (
    *("difference", "95% interval", "better", "worse", "p", "p (Holm)", "McNemar p", "McNemar p (Holm)"),
    *("detectable", f"equal within {100 * MARGIN:g}"),
)


def as_markdown(table: Comparison) -> str:
    """Both tables, notes, and the scoring rules."""
    scores = f"{markdown(*_overview(table), texts=1)}\n\n" if table.lines else ""
    return f"{scores}{details(table)}"


def details(table: Comparison) -> str:
    """Return the other tables, notes, and the scoring rules."""
    said, preferred, looks = said_rows(table), forced.forced_rows(table), look_rows(table)
    under = control_rows(table)
    notes = [*about(table), *explained(table), *said_notes(table), *forced.forced_notes(table), *control_notes(table)]
    again = repeated_parts(table.repeated, table.repeated_changes, table.unit)
    notes += [note for note, _ in again]
    notes += look_notes(table)
    notes += table.notes
    parts = [
        *([markdown(*_detail(table), texts=2)] if table.lines else []),
        *([markdown(*said, texts=2)] if said else []),
        *([markdown(*preferred, texts=2)] if preferred else []),
        *([markdown(*under, texts=3)] if under else []),
        *(markdown(*cells, texts=2) for _, cells in again),
        *([markdown(*looks, texts=4)] if looks else []),
        "\n".join(f"- {note}" for note in notes),
        "\n".join(f"- `{rule}`" for rule in table.rules),
    ]
    return "\n\n".join(parts) + "\n"


def as_latex(table: Comparison) -> str:
    """Return the tables for the package booktabs, each with its notes below."""
    first = _float(r"Accuracy in \%", _overview(table), 1, [*about(table), *table.notes])
    under = control_rows(table)
    controls = [_float("Under controls", under, 3, control_notes(table))] if under else []
    if len(table.runs) == 1:
        return "\n".join([first, *controls])
    notes = [*explained(table), *table.notes, *(f"`{rule}`" for rule in table.rules)]
    floats = [first, _float("Differences from the base", _detail(table), 2, notes)] if table.lines else []
    if said := said_rows(table):
        floats.append(_float("What was said", said, 2, said_notes(table)))
    if preferred := forced.forced_rows(table):
        floats.append(_float("Forced choice", preferred, 2, forced.forced_notes(table)))
    floats += controls
    for note, cells in repeated_parts(table.repeated, table.repeated_changes, table.unit):
        floats.append(_float("Repeated runs", cells, 2, [note]))
    if looks := look_rows(table):
        floats.append(_float("Where it looks", looks, 4, look_notes(table)))
    return "\n".join(floats)


def as_csv(table: Comparison) -> str:
    """Return one line per run and task, scores from 0 to 1 in full precision; cells that do not apply are empty."""
    head, rows = csv_rows(table)
    columns = ("method", "task", "n", "score")
    further: list[dict[str, object]] = [
        dict(zip(columns, (entry.row, entry.name, entry.blind.n, entry.blind.score), strict=True))
        for entry in table.chance
    ]
    more = [*(CONTROL_HEAD if table.controls else ()), *(REPEATED_HEAD if table.repeated else ()), "layer"]
    further += [control_cells(table, line) for line in table.controls]
    further += [dict(entry) for entry in repeated_csv(table.repeated, table.repeated_changes, table.unit)]
    full = [*head, *more]
    lines = [[*cells, *(None for _ in more)] for _, cells in rows]
    further += look_cells(table)
    return comma_separated(full, [*lines, *([entry.get(name) for name in full] for entry in further)])


def csv_rows(table: Comparison) -> tuple[list[str], list[tuple[ComparisonLine, list[object]]]]:
    """Return the names of the columns, and every line with its cells."""
    head = "run method task metric n score seconds_per_question shared_work base difference low high better worse"
    head += " p p_holm mcnemar_p mcnemar_p_holm least_p differing_images standard_error detectable equal family unit"
    rows: list[tuple[ComparisonLine, list[object]]] = []
    for line in (*table.lines, *table.contrasts):
        tested: list[object] = [None] * 17
        if (against := line.against) is not None:
            difference = against.difference
            tested = [line.control or table.base.label, difference.mean, *map(known, difference[1:3])]
            tested += [against.better, against.worse, difference.p, against.holm, against.mcnemar_p]
            tested += [against.mcnemar_holm, difference.least, difference.images, known(difference.error)]
            tested += [known(against.detectable), against.equal, table.family, table.unit]
        about = [line.run.path.name, line.run.label, line.name, line.metric, line.n, line.score, line.seconds]
        rows.append(
            (
                line,
                [
                    *about,
                    line.shared,
                    *tested,
                    *csv_cells(line),
                    *forced.csv_cells(line),
                    line.rule,
                    " ".join(table.allowed),
                ],
            )
        )
    return [*head.split(), *CSV_HEAD, *forced.CSV_HEAD, "rule", "allowed"], rows


FORMATS: dict[str, Callable[[Comparison], str]] = {"markdown": as_markdown, "csv": as_csv, "latex": as_latex}


def beside(table: Comparison) -> list[str]:
    """Notes of a comparison, which have no place in a CSV file."""
    return [*about(table), *table.notes]


def _overview(table: Comparison) -> tuple[list[str], Cells]:
    columns = {line.name: f"{_title(table, line)} (n = {line.n})" for line in table.lines}
    cells = {(line.run.path, line.name): f"{100 * line.score:.1f}" for line in table.lines}
    rows = [[method_of(table, run), *(cells.get((run.path, name), "") for name in columns)] for run in table.runs]
    scores = {(entry.row, entry.name): f"{100 * entry.blind.score:.1f}" for entry in table.chance}
    rows += [
        [row, *(scores.get((row, name), "") for name in columns)]
        for row in dict.fromkeys(entry.row for entry in table.chance)
    ]
    return ["method", *columns.values()], rows


def _detail(table: Comparison) -> tuple[list[str], Cells]:
    rows = []
    for line in (*table.lines, *table.contrasts):
        seconds = "" if line.seconds is None else "(shared)" if line.shared else f"{line.seconds:#.3g}"
        cells = [of_line(table, line), _title(table, line), str(line.n), f"{100 * line.score:.2f}", seconds]
        rows.append(cells + (_tested(table, line) if len(table.runs) > 1 else []))
    head = ["method", "task", "n", "score (%)", "s/question"]
    return head + (list(_TESTED) if len(table.runs) > 1 else []), rows


def _tested(table: Comparison, line: ComparisonLine) -> list[str]:
    if (against := line.against) is None:
        return [""] * len(_TESTED)
    p_values = (against.difference.p, against.holm, against.mcnemar_p, against.mcnemar_holm)
    shown = [difference_of(line), interval_of(line, table.unit), str(against.better), str(against.worse)]
    shown += map(show_p, p_values)
    if against.holm < LEVEL:  # what is found needs neither
        return [*shown, "", ""]
    detectable = f"{100 * against.detectable:.2f}" if against.detectable < 1 else "over 100"
    return [*shown, "" if isnan(against.detectable) else detectable, against.equal]


def _title(table: Comparison, line: ComparisonLine) -> str:
    metric = "" if line.metric == "acc" else f", {line.metric}"
    group = ", pooled" if line.name in table.pooled else ", weighted" if line.name in table.weighted else ""
    return f"{line.name}{group}{metric}"


def _float(caption: str, cells: tuple[list[str], Cells], texts: int, notes: list[str]) -> str:
    marked = [re.sub(r"\*\*(.*?)\*\*", r"\\textbf{\1}", escape(note)) for note in notes]
    below = "\n".join(r"\par " + re.sub("`(.*?)`", r"\\texttt{\1}", note) for note in marked)
    return (
        f"\\begin{{table}}\n\\caption{{{caption}}}\n\\centering\n\\small\n{latex(*cells, texts=texts)}\n"
        f"{{\\footnotesize\n{below}\n}}\n\\end{{table}}\n"
    )
