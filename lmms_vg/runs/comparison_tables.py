"""Print a comparison as Markdown, CSV or LaTeX.

The first table has accuracies, one row per run and one column per task, as the paper's Table F.4; the second every
difference.
"""

import re
from collections.abc import Callable
from math import isnan

from lmms_vg.runs.agreement import shared, shown
from lmms_vg.runs.compare import Comparison, ComparisonLine
from lmms_vg.runs.results import Run
from lmms_vg.runs.text_tables import comma_separated, escape, latex, markdown

Cells = list[list[str]]

_TESTED = ("difference", "95% interval", "better", "worse", "p", "p (Holm)", "McNemar p", "McNemar p (Holm)")
_STATED = ("weights", "prompt", "dtype", "device", "batch_size")


def as_markdown(table: Comparison) -> str:
    """Both tables, notes, and the scoring rules."""
    return f"{markdown(*_overview(table), texts=1)}\n\n{details(table)}"


def details(table: Comparison) -> str:
    """The second table, notes, and the scoring rules."""
    parts = [
        markdown(*_detail(table), texts=2),
        "\n".join(f"- {note}" for note in (*_about(table), *_explained(table), *table.notes)),
        "\n".join(f"- `{rule}`" for rule in table.rules),
    ]
    return "\n\n".join(parts) + "\n"


def as_latex(table: Comparison) -> str:
    """Both tables for the package booktabs, each with its notes below."""
    first = _float(r"Accuracy in \%", _overview(table), 1, [*_about(table), *table.notes])
    if len(table.runs) == 1:
        return first
    notes = [*_explained(table), *table.notes, *(f"`{rule}`" for rule in table.rules)]
    return "\n".join([first, _float("Differences from the base", _detail(table), 2, notes)])


def as_csv(table: Comparison) -> str:
    """One line per run and task, scores from 0 to 1 in full precision; cells that do not apply are empty."""
    head, rows = csv_rows(table)
    return comma_separated(head, [cells for _, cells in rows])


def csv_rows(table: Comparison) -> tuple[list[str], list[tuple[ComparisonLine, list[object]]]]:
    """The names of the columns, and every line with its cells."""
    head = "run method task metric n score seconds_per_question shared_work base difference low high better worse"
    head += " p p_holm mcnemar_p mcnemar_p_holm rule allowed"
    rows: list[tuple[ComparisonLine, list[object]]] = []
    for line in table.lines:
        tested: list[object] = [None] * 10
        if (against := line.against) is not None:
            low, high = (None if isnan(bound) else bound for bound in (against.difference.low, against.difference.high))
            tested = [table.base.label, against.difference.mean, low, high, against.better, against.worse]
            tested += [against.difference.p, against.holm, against.mcnemar_p, against.mcnemar_holm]
        about = [line.run.path.name, line.run.label, line.name, line.metric, line.n, line.score, line.seconds]
        rows.append((line, [*about, line.shared, *tested, line.rule, " ".join(table.allowed)]))
    return head.split(), rows


FORMATS: dict[str, Callable[[Comparison], str]] = {"markdown": as_markdown, "csv": as_csv, "latex": as_latex}


def beside(table: Comparison) -> list[str]:
    """Notes of a comparison, which have no place in a CSV file."""
    return [*_about(table), *table.notes]


def _overview(table: Comparison) -> tuple[list[str], Cells]:
    columns = {line.name: f"{_title(table, line)} (n = {line.n})" for line in table.lines}
    cells = {(line.run.path, line.name): f"{100 * line.score:.1f}" for line in table.lines}
    rows = [[_method(table, run), *(cells.get((run.path, name), "") for name in columns)] for run in table.runs]
    return ["method", *columns.values()], rows


def _detail(table: Comparison) -> tuple[list[str], Cells]:
    rows = []
    for line in table.lines:
        seconds = "" if line.seconds is None else "(shared)" if line.shared else f"{line.seconds:#.3g}"
        cells = [_method(table, line.run), _title(table, line), str(line.n), f"{100 * line.score:.2f}", seconds]
        rows.append(cells + (_tested(line) if len(table.runs) > 1 else []))
    head = ["method", "task", "n", "score (%)", "s/question"]
    return head + (list(_TESTED) if len(table.runs) > 1 else []), rows


def _tested(line: ComparisonLine) -> list[str]:
    if (against := line.against) is None:
        return [""] * len(_TESTED)
    p_values = (against.difference.p, against.holm, against.mcnemar_p, against.mcnemar_holm)
    return [difference_of(line), interval_of(line), str(against.better), str(against.worse), *map(_show_p, p_values)]


def _method(table: Comparison, run: Run) -> str:
    """The method's name, with hyper-parameters if several runs have that method."""
    unique = [other.name for other in table.runs].count(run.name) == 1
    return f"{run.name if unique else run.label}{' (base)' if run is table.base and len(table.runs) > 1 else ''}"


def _title(table: Comparison, line: ComparisonLine) -> str:
    metric = "" if line.metric == "acc" else f", {line.metric}"
    return f"{line.name}{', pooled' if line.name in table.pooled else ''}{metric}"


def difference_of(line: ComparisonLine) -> str:
    """The difference from the base in percentage points; empty for the base itself."""
    return "" if line.against is None else f"{100 * line.against.difference.mean:+.2f}"


def interval_of(line: ComparisonLine) -> str:
    """The 95% interval of that difference; empty for the base itself."""
    if line.against is None:
        return ""
    low, high = line.against.difference.low, line.against.difference.high
    return "one image" if isnan(low) else f"{100 * low:+.2f} to {100 * high:+.2f}"


def _show_p(p: float | None) -> str:
    if p is None:
        return ""
    return f"{p:.4f}" if p >= 0.0001 else "< 0.0001"


def _about(table: Comparison) -> list[str]:
    """Notes that identify the runs."""
    notes = []
    for run in table.runs:
        about = [] if run.label == run.model else [run.model]
        given = [str(run.method)] if run.method and run.method.hyper_parameters else []
        notes.append(f"{_method(table, run)}: {', '.join([*about, f'`{run.path.name}`', *given])}")
    if table.base.provenance is not None:
        same = all(shown(run, name) == shown(table.base, name) for run in table.runs for name in _STATED)
        owner = "the run" if len(table.runs) == 1 else "all runs" if same else "the base"
        notes.append(f"Circumstances of {owner}: {', '.join(f'{name} {shown(table.base, name)}' for name in _STATED)}")
    return notes


def _explained(table: Comparison) -> list[str]:
    notes = []
    if table.pooled:
        notes.append("pooled: every question weighs the same, whichever task it belongs to")
    tested = [line.against for line in table.lines if line.against is not None]
    if tested:
        exact = sum(against.mcnemar_p is not None for against in tested)
        notes.append(
            f"Differences from the base on the same questions, in percentage points; better and worse count the questions "
            f"with a higher and a lower score. p comes from a bootstrap that draws whole images, corrected over {len(tested)} "
            f"lines. McNemar's exact test, corrected over {exact}, treats questions about one image as independent"
        )
    if any(line.seconds is not None for line in table.lines):
        notes.append(
            "s/question: mean time the model took to answer, on the machine and in the batches of that run, without loading "
            "and scoring"
        )
    together = {", ".join(shared(run)) for run in table.runs if shared(run)}
    notes += [
        f"(shared): {names} were answered together and share work, so no time belongs to one method; the CSV has the times"
        for names in sorted(together)
    ]
    return notes


def _float(caption: str, cells: tuple[list[str], Cells], texts: int, notes: list[str]) -> str:
    below = "\n".join(r"\par " + re.sub("`(.*?)`", r"\\texttt{\1}", escape(note)) for note in notes)
    return (
        f"\\begin{{table}}\n\\caption{{{caption}}}\n\\centering\n\\small\n{latex(*cells, texts=texts)}\n"
        f"{{\\footnotesize\n{below}\n}}\n\\end{{table}}\n"
    )
