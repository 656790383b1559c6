"""Notes beside the tables of a comparison: the names of the runs, and the meaning of the columns."""

from __future__ import annotations

from lmms_vg.runs import chance_rows, group_weights
from lmms_vg.runs.agreement import shared, shown
from lmms_vg.runs.comparison import MARGIN, Comparison
from lmms_vg.runs.comparison_cells import method_of, of_line
from lmms_vg.runs.saying import LEVEL
from lmms_vg.runs.text_tables import show_p
from lmms_vg.runs.units import plural

_STATED = ("weights", "prompt", "dtype", "device", "batch_size")


def about(table: Comparison) -> list[str]:
    """Notes that identify the runs."""
    notes = []
    for run in table.runs:
        model = [] if run.label == run.model else [run.model]
        given = [str(run.method)] if run.method and run.method.hyper_parameters else []
        notes.append(f"{method_of(table, run)}: {', '.join([*model, f'`{run.path.name}`', *given])}")
    if table.base.provenance is not None:
        same = all(shown(run, name) == shown(table.base, name) for run in table.runs for name in _STATED)
        owner = "the run" if len(table.runs) == 1 else "all runs" if same else "the base"
        notes.append(f"Circumstances of {owner}: {', '.join(f'{name} {shown(table.base, name)}' for name in _STATED)}")
    return notes


def explained(table: Comparison) -> list[str]:
    """Notes that explain the columns."""
    notes, units = [], plural(table.unit)
    if table.pooled:
        notes.append("pooled: every question weighs the same, whichever task it belongs to")
    if table.weighted:
        notes.append(f"weighted: {group_weights.ABOUT}, as the protocol and lmms-eval average it")
    notes += [f"{row}: {chance_rows.ABOUT[row]}" for row in dict.fromkeys(entry.row for entry in table.chance)]
    tested = [line.against for line in table.tested if line.against is not None]
    if tested:
        exact = sum(against.mcnemar_p is not None for against in tested)
        least = sorted(against.difference.least for against in tested)
        hopeless = [
            f"{of_line(table, line)} on {line.name} ({line.against.difference.images}, least p "
            f"{show_p(line.against.difference.least)})"
            for line in table.tested
            if line.against and line.against.difference.least * table.family >= LEVEL
        ]
        notes += [
            f"Differences on the same questions, in percentage points; better and worse count the questions with a higher and "
            f"a lower score. p comes from sign flips of whole {units}, corrected over {table.family} comparisons; the "
            f"least possible p of a line is {show_p(least[0])} to {show_p(least[-1])}, by how many {units} differ. "
            f"McNemar's exact test, corrected over {exact}, treats questions about one {table.unit} as independent",
            f"too few {units}: fewer than ten {units} have a difference, too few for an interval. detectable: the "
            "smallest difference that would be found with probability .8 at p (Holm) < .05; what is not found may be as large. "
            f"equal within {100 * MARGIN:g}: two one-sided tests, for lines that are not significant",
        ]
        if hopeless:
            notes.append(
                f"Not significant whatever the signs of their differences, as too few {units} differ: "
                f"{', '.join(hopeless)}"
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
