"""Results of a table as text: Markdown, and the same numbers as CSV in full precision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan

from lmms_vg.metrics import bertscore
from lmms_vg.metrics.statistics import signature
from lmms_vg.reproduce.cells import Cell
from lmms_vg.reproduce.chance_cells import ChanceCell
from lmms_vg.reproduce.gains import Gain
from lmms_vg.reproduce.plan import Plan
from lmms_vg.reproduce.plan_report import warning
from lmms_vg.reproduce.verdict import faults
from lmms_vg.reproduce.verdict_words import CELLS, GAINS, gain_words, words
from lmms_vg.runs.agreement import shown
from lmms_vg.runs.chance_rows import ABOUT
from lmms_vg.runs.results import Run
from lmms_vg.runs.text_tables import comma_separated, known, markdown, show_p

_STATED = ("weights", "prompt", "dtype", "device", "batch_size", "geometry")


def table_markdown(
    plan: Plan, cells: Sequence[Cell], gains: Sequence[Gain], chance: Sequence[ChanceCell], runs: Mapping[str, Run]
) -> str:
    """Return the paper's claim, then its cells next to ours, one per line, then what answers without looking reach."""
    assert plan.table is not None
    parts = [f"## Results{warning(plan, runs)}"]
    if gains:
        head = ["row", "column", "paper", "ours [95% interval] (n)", "p", "p (Holm)", "verdict"]
        parts += [
            "### Method minus plain, in points" if plan.own else "### The paper's claim: method minus plain, in points",
            markdown(head, [_gain(gain) for gain in gains], texts=2),
            listed(GAINS),
            "### Its numbers",
        ]
    rows = [
        [cell.row, cell.column.name, _printed(cell), _ours(cell), words(cell.verdict, cell.printed)] for cell in cells
    ]
    rows += [[level.row, level.column.name, "-", f"{level.value:.2f} ({level.n:,})", "not a model"] for level in chance]
    parts.append(markdown(["row", "column", "paper", "ours [95% interval] (n)", "verdict"], rows, texts=2))
    rows_shown = {cell.row for cell in cells}
    contradictions = ((place, why) for place, why in faults(plan.table).items() if place[0] in rows_shown)
    wrong = [f"inconsistent: {row}, {column}: {why}" for (row, column), why in contradictions]
    blind = [f"{row}: {ABOUT[row]}" for row in dict.fromkeys(level.row for level in chance)]
    return "\n\n".join([*parts, listed([*CELLS, *blind, *wrong, *about(plan, runs)])])


def table_csv(cells: Sequence[Cell], chance: Sequence[ChanceCell]) -> str:
    """Return the same cells as CSV, in % as in the paper; `verdict` is a code."""
    head = ["row", "column", "metric", "tasks", "paper", "ours", "low", "high", "n"]
    head += ["verdict", "apart", "of", "difference", "also", "missing"]
    rows: list[list[object]] = []
    for cell in cells:
        name, metric, tasks, _ = cell.column
        ours = [known(value) for value in cell.score] if cell.score else [None] * 4
        code, *counted, also = cell.verdict
        rows.append(
            [
                cell.row,
                name,
                metric,
                " ".join(tasks),
                cell.printed,
                *ours,
                code,
                *counted,
                "; ".join(also),
                cell.missing,
            ]
        )
    for level in chance:
        name, metric, tasks, _ = level.column
        rows.append(
            [level.row, name, metric, " ".join(tasks), None, level.value, None, None, level.n, "chance", *[None] * 5]
        )
    return comma_separated(head, rows)


def gains_csv(gains: Sequence[Gain]) -> str:
    """Return the paper's claim as CSV, in points; `verdict` is a code."""
    head = ["row", "plain", "column", "metric", "tasks", "paper", "ours", "low", "high", "n", "p", "holm", "verdict"]
    rows: list[list[object]] = []
    for gain in gains:
        name, metric, tasks, _ = gain.column
        ours = gain.ours and [known(100 * value) for value in gain.ours[:3]]
        p = [gain.ours.p, gain.holm] if gain.ours else [None, None]
        numbers = [gain.printed, *(ours or [None] * 3), gain.n, *p, gain.code]
        rows.append([gain.row, gain.plain, name, metric, " ".join(tasks), *numbers])
    return comma_separated(head, rows)


def about(plan: Plan, runs: Mapping[str, Run]) -> Iterator[str]:
    """Describe the runs, their failures, and the rules of scoring."""
    if plan.target.note:
        yield plan.target.note
    for row, run in runs.items():
        yield f"{row}: `{run.path.name}`, {_identity(run)}"
        if run.leak:
            yield f"Leak: {row}: {run.leak}"
        for task, scored in run.tasks.items():
            if scored.failed:
                yield f"{row}: {len(scored.failed)} questions of {task} failed and are in no mean"
    yield from (f"`{rule}`" for rule in sorted({*_rules(plan, runs), signature()}))


def _identity(run: Run) -> str:
    if run.provenance is None:
        return f"{run.model}, a model of lmms-eval, which does not sign what was run"
    stated = ", ".join(f"{name} {shown(run, name)}" for name in _STATED)
    return f"{run.method}; {stated}; lmms_vg {run.provenance.get('versions', {}).get('lmms_vg')}"


def _rules(plan: Plan, runs: Mapping[str, Run]) -> Iterator[str]:
    """The rules of the table's metrics; BERTScore's rule is today's, because it is computed now."""
    metrics = {column.metric for column in plan.columns}
    if "bertscore" in metrics:
        yield bertscore.signature()
    for run in runs.values():
        for task in run.tasks.values():
            yield from (rule for metric, rule in task.rules.items() if metric in metrics - {"bertscore", "average"})


def _printed(cell: Cell) -> str:
    return "-" if cell.printed is None else str(cell.printed)


def _ours(cell: Cell) -> str:
    if cell.score is None:
        return cell.missing
    value, low, high, n = cell.score
    interval = "one image" if isnan(low) else f"{low:.2f}, {high:.2f}"
    return f"{value:.2f} [{interval}] ({n:,})"


def _gain(gain: Gain) -> list[str]:
    printed = "-" if gain.printed is None else f"{gain.printed:+}"
    line = [gain.row, gain.column.name, printed]
    if gain.ours is None:
        return [*line, "not asked", "", "", gain_words(gain)]
    mean, low, high = (100 * value for value in gain.ours[:3])
    interval = f"{low:+.2f}, {high:+.2f}" if gain.ours.has_interval else "too few images differ"
    p_values = map(show_p, (gain.ours.p, gain.holm))
    return [*line, f"{mean:+.2f} [{interval}] ({gain.n:,})", *p_values, gain_words(gain)]


def listed(lines: Sequence[str]) -> str:
    """Lines of a Markdown list."""
    return "\n".join(f"- {line}" for line in lines)
