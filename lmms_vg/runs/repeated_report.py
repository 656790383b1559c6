"""Report on repeated runs of one setting together: their mean, and both parts of its variance."""

from __future__ import annotations

from collections.abc import Sequence

from lmms_vg.metrics.statistics import signature
from lmms_vg.runs import pairing
from lmms_vg.runs.group_weights import weights
from lmms_vg.runs.repeated import apart, label_of, repeated
from lmms_vg.runs.repeated_tables import repeated_parts
from lmms_vg.runs.results import Run
from lmms_vg.runs.text_tables import markdown
from lmms_vg.runs.units import drawn_as


def repeated_report(runs: Sequence[Run]) -> str:
    """Print runs that differ in a seed alone as Markdown: mean, spread, both errors and interval of every task and group.

    Raises:
        ValueError: a run is restricted, is no repeat of the first, or has other questions.
    """
    first, *others = runs
    for run in runs:
        if run.restricted:
            raise ValueError(f"{run.path} was run with {run.restricted}; run it again without that to sum it up")
    for place, run in enumerate(others, start=1):
        if reason := apart(runs[:place], run):
            raise ValueError(
                f"{run.path} is not a repeat of {first.path}: {reason}. `report` summarizes runs that differ only in the seed; "
                "for other runs: lmms-vg compare"
            )
    tasks = [task for task in first.tasks if all(task in run.tasks for run in others)]
    if not tasks:
        raise ValueError(f"{first.path} and {others[0].path} have no task in common that has scores of questions")
    pairs, notes = pairing.common(first, list(others), tasks, ())
    names = {task: [task] for task in tasks}
    names |= {
        group: members
        for group, members in first.groups.items()
        if {*members} <= {*tasks} and len({first.tasks[task].metric for task in members}) == 1
    }
    groups = {name: shares for name, members in names.items() if (shares := weights(members))}
    unit = drawn_as(pairs.values(), "image")
    summaries = repeated(runs, names, pairs, "image", groups)
    ((about, table),) = repeated_parts(summaries, [], unit)
    seen = [f"{run.label}: `{run.path.name}`" for run in runs]
    rules = sorted({pairs[first.path, task].rule for task in tasks})
    left_out = sorted({task for run in runs for task in run.tasks} - {*tasks})
    notes = [about, *seen, *notes, *([f"not in all runs: {', '.join(left_out)}"] if left_out else [])]
    return (
        "\n\n".join(
            [
                f"# {label_of(runs)}: {len(runs)} runs",
                markdown(*table, texts=2),
                "\n".join(f"- {note}" for note in notes),
                "\n".join(f"- `{rule}`" for rule in [*rules, signature(unit=unit)]),
            ]
        )
        + "\n"
    )
