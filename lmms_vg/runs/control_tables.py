"""Print what is left of each run under a control."""

from __future__ import annotations

from math import isnan

from lmms_vg.metrics.statistics import Difference
from lmms_vg.runs.comparison import Comparison, ControlLine
from lmms_vg.runs.comparison_cells import method_of, show_interval
from lmms_vg.runs.control_lines import BOX, ELSEWHERE
from lmms_vg.runs.text_tables import known

_HEAD = ("method", "task", "control", "n", "score (%)", "under control (%)", "kept (%)", "gain", "gain - plain's gain")
_CHANGED = ("answers changed (%)", "necessity")

#: Further columns of the CSV file, in the order of `csv_cells`.
CSV_HEAD = (
    *("control", "kept", "answers_changed", "gain", "gain_low", "gain_high", "gain_over_plain", "gain_over_plain_low"),
    *("gain_over_plain_high", "necessity", "necessity_low", "necessity_high"),
)

_ABOUT = (
    "Controls changed every question before it was asked; they are not ranked, and no p-value is corrected for them. Values "
    "are of the questions that the run has scored with and without the control. kept: score under the control / score. gain: "
    "score minus score under the control; gain - plain's gain: how much more a method gains from what the control takes away "
    f"than plain does. answers changed: share with another text. necessity: share of answers that {BOX} changes minus the "
    f"share that {ELSEWHERE} does. Differences in percentage points with 95% intervals"
)


def control_rows(table: Comparison) -> tuple[list[str], list[list[str]]] | None:
    """The table of controls; None if no run was under one."""
    if not table.controls:
        return None
    rows = [
        [
            *(method_of(table, line.run), line.task, line.control, str(line.n)),
            *(_percent(line.score), _percent(line.under), _percent(line.kept)),
            *(_shown(line.gain), _shown(line.over_plain), _percent(line.changed), _shown(line.necessity)),
        ]
        for line in table.controls
    ]
    return [*_HEAD, *_CHANGED], rows


def control_notes(table: Comparison) -> list[str]:
    """Explain the columns, and say how many questions a control left out."""
    if not table.controls:
        return []
    counts = [f"{line.left_out} of {line.task} ({line.controlled.label})" for line in table.controls if line.left_out]
    left_out = [f"Left out, since they have no score under the control: {', '.join(counts)}"] if counts else []
    runs = {line.controlled.path: line.controlled for line in table.controls}.values()
    named = [f"{run.label}: `{run.path.name}`" for run in runs]
    return [_ABOUT, *named, *left_out]


def csv_cells(table: Comparison, line: ControlLine) -> dict[str, object]:
    """The cells of a line of the CSV file, by column; the other columns are empty."""
    about = {"run": line.controlled.path.name, "method": line.controlled.label, "task": line.task, "n": line.n}
    values = [line.control, known(line.kept), line.changed, *_three(line.gain), *_three(line.over_plain)]
    values += _three(line.necessity)
    own = {"score": line.under, "base": line.run.label, "unit": table.unit}
    return {**about, **own, **dict(zip(CSV_HEAD, values, strict=True))}


def _three(difference: Difference | None) -> list[object]:
    return [None] * 3 if difference is None else [difference.mean, known(difference.low), known(difference.high)]


def _percent(share: float) -> str:
    return "" if isnan(share) else f"{100 * share:.1f}"


def _shown(difference: Difference | None) -> str:
    return "" if difference is None else f"{100 * difference.mean:+.2f} ({show_interval(difference)})"
