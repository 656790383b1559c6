"""Print whether other runs look better at the boxes than the base."""

from __future__ import annotations

from lmms_vg.runs.comparison import Comparison
from lmms_vg.runs.comparison_cells import method_of, show_interval
from lmms_vg.runs.grounding import HIDDEN, SPOILED_WHY
from lmms_vg.runs.grounding_changes import LookChange, layer_changes
from lmms_vg.runs.map_looks import BETTER
from lmms_vg.runs.saying import LEVEL
from lmms_vg.runs.text_tables import known, show_p
from lmms_vg.runs.units import plural, together

_HEAD = [
    *("where it looks", "task", "layer", "measure", "n", "difference", "95% interval"),
    *("difference of excess", "95% interval", "p (Holm)", "looks better"),
]


def look_rows(table: Comparison) -> tuple[list[str], list[list[str]]] | None:
    """Return the table; None if nothing was compared."""
    if not table.looks:
        return None
    return _HEAD, [
        [
            *(method_of(table, change.run), change.task, str(change.choice), change.name),
            *(str(change.n), f"{change.value.mean:+.4f}", show_interval(change.value, 1, 4, change.unit)),
            *(
                f"{change.excess.mean:+.4f}",
                show_interval(change.excess, 1, 4, change.unit),
                show_p(change.holm),
                _verdict(change),
            ),
        ]
        for change in table.looks
    ]


def look_notes(table: Comparison) -> list[str]:
    """Return the meaning of the columns."""
    if not table.looks:
        return []
    units = plural(together(change.unit for change in table.looks))
    notes = [
        "where it looks: differences from the base on the same questions at the same layer; excess is what a run's own maps "
        f"have more than its maps of other images on the same boxes. Intervals and p from whole {units}, corrected "
        f"over {sum(change.holm == change.holm for change in table.looks)} lines. Better is more log AR and placement, "
        "and less KL and JS"
    ]
    if any(change.choice.in_sample for change in table.looks):
        notes.append(
            "(in-sample): the layer was chosen as the base's of lowest mean KL on these same questions, which favours the "
            "base; name one that was chosen elsewhere with --layer"
        )
    if any(change.choice.how == "other half" for change in table.looks):
        notes.append(
            f"(other half): {units} fall into two halves by a hash of their names, and the layer of each half is the base's of "
            "lowest mean KL on the other"
        )
    if any(change.hidden for change in table.looks):
        notes.append(f"{HIDDEN}: {SPOILED_WHY}")
    return notes


def look_cells(table: Comparison) -> list[dict[str, object]]:
    """Rows of the CSV file, by column: the difference of the values, and that of the excess; then the same at every layer."""
    if not table.looks:
        return []
    others = [run for run in table.runs if run is not table.base]
    by_layer = layer_changes(table.base, others)
    return [
        *(row for change in table.looks for row in _cells(table, change, "")),
        *(row for change in by_layer for row in _cells(table, change, " by layer")),
    ]


def _cells(table: Comparison, change: LookChange, kind: str) -> list[dict[str, object]]:
    shared = {
        "run": change.run.path.name,
        "method": change.run.label,
        "task": change.task,
        "n": change.n,
        "layer": change.choice,
    }
    rows: list[dict[str, object]] = []
    for metric, difference, holm in (
        (f"{change.name}{kind}", change.value, None),
        (f"excess of {change.name}{kind}", change.excess, known(change.holm)),
    ):
        tested = {"difference": difference.mean, "low": known(difference.low), "high": known(difference.high)}
        more = {"base": table.base.label, "p": difference.p, "p_holm": holm, "unit": change.unit}
        rows.append({**shared, "metric": metric, **tested, **more})
    return rows


def _verdict(change: LookChange) -> str:
    if change.holm != change.holm:
        return HIDDEN
    if change.holm >= LEVEL:
        return "not shown"
    return "yes" if BETTER[change.name] * change.excess.mean > 0 else "worse"
