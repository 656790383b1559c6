"""Print what is left of each run under a control."""

from __future__ import annotations

from math import isnan

from lmms_vg.metrics.statistics import Difference
from lmms_vg.runs.comparison import Comparison, ControlLine
from lmms_vg.runs.comparison_cells import method_of, show_interval
from lmms_vg.runs.image_control_lines import BOX, ELSEWHERE
from lmms_vg.runs.text_tables import known, show_p
from lmms_vg.runs.units import plural

_HEAD = ("method", "task", "control", "n", "score (%)", "under control (%)", "kept (%)")
_TESTED = ("gain", "p (Holm)", "gain - plain's gain", "p (Holm)", "answers changed (%)", "necessity", "p (Holm)")

#: Further columns of the CSV file, in the order of `csv_cells`.
CSV_HEAD = (
    *("control", "kept", "answers_changed"),
    *(
        f"{name}{part}"
        for name in ("gain", "gain_over_plain", "necessity")
        for part in ("", "_low", "_high", "_p", "_p_holm")
    ),
)

_ABOUT = (
    "Controls changed every question before it was asked; they are not ranked, and no other table's p-value is corrected for "
    "them. Values are of the questions that the run has scored with and without the control. kept: score under the control / "
    "score. gain: score minus score under the control; gain - plain's gain: how much more a method gains from what the control "
    f"takes away than plain does. answers changed: share with another text. necessity: share of answers that {BOX} changes "
    f"minus the share that {ELSEWHERE} does. Differences in percentage points with 95% intervals; p from sign flips of whole "
    "{units}, corrected (Holm) over the {tests} tests of this table"
)


def control_rows(table: Comparison) -> tuple[list[str], list[list[str]]] | None:
    """Return the table of controls; None if no run was under one."""
    if not table.controls:
        return None
    rows = [
        [
            *(method_of(table, line.run), line.task, line.control, str(line.n)),
            *(_percent(line.score), _percent(line.under), _percent(line.kept)),
            *(*_with_p(table, line, 0), *_with_p(table, line, 1)),
            *(_percent(line.changed), *_with_p(table, line, 2)),
        ]
        for line in table.controls
    ]
    return [*_HEAD, *_TESTED], rows


def control_notes(table: Comparison) -> list[str]:
    """Explain the columns, and say how many questions a control left out."""
    if not table.controls:
        return []
    counts = [f"{line.left_out} of {line.task} ({line.controlled.label})" for line in table.controls if line.left_out]
    left_out = [f"Left out, since they have no score under the control: {', '.join(counts)}"] if counts else []
    runs = {line.controlled.path: line.controlled for line in table.controls}.values()
    named = [f"{run.label}: `{run.path.name}`" for run in runs]
    tests = sum(difference is not None for line in table.controls for difference in line.tested)
    return [_ABOUT.format(units=plural(table.unit), tests=tests), *named, *left_out]


def csv_cells(table: Comparison, line: ControlLine) -> dict[str, object]:
    """Return the cells of a line of the CSV file, by column; the other columns are empty."""
    about = {"run": line.controlled.path.name, "method": line.controlled.label, "task": line.task, "n": line.n}
    values: list[object] = [line.control, known(line.kept), line.changed]
    for difference, adjusted in zip(line.tested, line.holm, strict=True):
        values += [None] * 5 if difference is None else [*_ends(difference), difference.p, adjusted]
    own = {"score": line.under, "base": line.run.label, "unit": table.unit}
    return {**about, **own, **dict(zip(CSV_HEAD, values, strict=True))}


def _ends(difference: Difference) -> list[object]:
    return [difference.mean, known(difference.low), known(difference.high)]


def _percent(share: float) -> str:
    return "" if isnan(share) else f"{100 * share:.1f}"


def _shown(difference: Difference | None, unit: str) -> str:
    return "" if difference is None else f"{100 * difference.mean:+.2f} ({show_interval(difference, unit=unit)})"


def _with_p(table: Comparison, line: ControlLine, place: int) -> tuple[str, str]:
    return _shown(line.tested[place], table.unit), show_p(line.holm[place])
