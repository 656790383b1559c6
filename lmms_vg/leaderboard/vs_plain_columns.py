"""The table of methods beside their plain runs: its extra columns, and their notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan

from lmms_vg.leaderboard.cells import show
from lmms_vg.leaderboard.columns import Measure
from lmms_vg.leaderboard.estimates import way_of
from lmms_vg.leaderboard.plain_pairing import NONE, PlainRuns, plain_runs
from lmms_vg.leaderboard.said import task_run
from lmms_vg.leaderboard.table_model import CellView, ColumnView
from lmms_vg.leaderboard.vs_plain import AgainstPlain, against
from lmms_vg.leaderboard.vs_plain_forced import ABOUT, forced_cells
from lmms_vg.leaderboard.vs_plain_forced import COLUMNS as OF_FORCED_CHOICE
from lmms_vg.leaderboard.vs_plain_said import ABOUT as OF_SAID
from lmms_vg.leaderboard.vs_plain_said import SaidRow, said_columns, said_note
from lmms_vg.metrics.statistics import FEW, signature
from lmms_vg.runs import compare
from lmms_vg.runs.agreement import NOTED
from lmms_vg.runs.saying import saying
from lmms_vg.runs.text_tables import show_p
from lmms_vg.submission.validated import Entry

NO_PLAIN = "no plain run"
DISPUTED = "plain runs differ"

_INTERVALS = (
    f"Differences: paired, with 95% intervals; {signature(resamples=compare.RESAMPLES)}. There is no interval where fewer than "
    f"{FEW} images, or patients where questions name them, differ, which is too few for one"
)

COLUMNS = [
    ColumnView("difference", "Paired difference to its model's plain run", "higher", "points"),
    ColumnView("better", "Questions that are right, or have a higher score, with the method only", None),
    ColumnView("worse", "Questions that are right, or have a higher score, in the plain run only", None),
    ColumnView("p", "p value of no difference, two-sided, as if this were the only line", None),
    ColumnView("m", "Number of lines that p (Holm) is corrected over: all of this submitter's model", None),
    ColumnView(
        "p (Holm)",
        "p, corrected over the m lines that one submitter (one card) sent for this model, all settings included; oracles and "
        "controls are corrected by themselves",
        None,
    ),
]


def against_columns(
    entries: Sequence[Entry], measures: Sequence[Measure]
) -> tuple[list[ColumnView], dict[str, list[CellView]], list[str]]:
    """Return the columns, id -> its cells under them, and the notes, in the order of the entries.

    Columns of what was said are there if any row has something in them, and those of forced choice if a method and its plain
    run carry first-token values.
    """
    sets = [measure for measure in measures if len(measure.ways[0][0].tasks) == 1]
    tasks = {task for measure in sets for task in measure.tasks}
    lines, runs = against(entries, sets), plain_runs(entries)
    disputed = {
        entry.id: {task: ids for task, ids in runs.get(entry.id, NONE).disputed.items() if task in tasks}
        for entry in entries
    }
    cells = {entry.id: _cells(entry, lines.get(entry.id), bool(disputed[entry.id])) for entry in entries}
    notes = [_INTERVALS] if lines else []
    columns = COLUMNS
    said, said_cells = said_columns({entry.id: _said(entry, lines.get(entry.id), sets) for entry in entries})
    if said:
        columns, notes = [*columns, *said], [*notes, OF_SAID]
        for id, row in cells.items():
            row += said_cells[id]
    if any(line.forced for line in lines.values()):
        columns, notes = [*columns, *OF_FORCED_CHOICE], [*notes, ABOUT]
        for id, row in cells.items():
            row += forced_cells(lines[id].forced if id in lines else None)
    by_id = {entry.id: entry for entry in entries}
    for entry in entries:
        if entry.id in lines:
            notes += _notes(entry, lines[entry.id], runs[entry.id], by_id, len(sets))
            notes += filter(None, [said_note(entry.id, lines[entry.id].difference.mean, lines[entry.id].gain)])
        for task, ids in disputed[entry.id].items():
            notes.append(
                f"Difference: {entry.id} has none on {task}, since its model's plain runs differ from each other: "
                f"{', '.join(ids)}"
            )
    return columns, cells, notes


def _said(entry: Entry, line: AgainstPlain | None, sets: Sequence[Measure]) -> SaidRow:
    """Return readability and yes-rate on the columns of an entry's difference; without a difference, on all its columns."""
    if line is not None:
        return SaidRow(line.gain.said if line.gain else None, line.n, line.gain)
    tasks = [way[0].tasks[0] for measure in sets if (way := way_of(entry, measure)) is not None]
    parts = [task_run(task, entry.scores[task]) for task in tasks]
    return SaidRow(saying(parts) if parts else None, sum(len(part.scores) for part in parts), None)


def _cells(entry: Entry, line: AgainstPlain | None, disputed: bool) -> list[CellView]:
    if line is None:
        return [
            CellView("" if entry.is_plain else DISPUTED if disputed else NO_PLAIN),
            *[CellView("")] * (len(COLUMNS) - 1),
        ]
    # Questions about a single image give no interval.
    mean, low, high = (None if isnan(value) else 100 * value for value in line.difference[:3])
    return [
        CellView(show(100 * line.difference.mean, 2, "+"), mean, low, high, line.n, rule=line.rule),
        CellView(str(line.better), line.better),
        CellView(str(line.worse), line.worse),
        CellView(show_p(line.difference.p), line.difference.p),
        CellView(str(line.lines), line.lines),
        CellView(show_p(line.holm), line.holm),
    ]


def _notes(entry: Entry, line: AgainstPlain, runs: PlainRuns, entries: dict[str, Entry], sets: int) -> Iterator[str]:
    """Yield which plain run if there are several, which columns if not all, what contradicts it, and what else differs."""
    several = sum(run.is_plain and run.model == entry.model for run in entries.values()) > 1
    plain = sorted({*line.plain})
    against = f" against {', '.join(plain)}" if several else ""
    columns = f" over {', '.join(line.of)} only" if len(line.of) < sets else ""
    if against or columns:
        yield f"Difference: {entry.id}{against}{columns}"
    for task, ids in runs.contradicted.items():
        if runs.of[task].id in plain:
            yield f"Difference: {entry.id}: {', '.join(ids)} came later than {runs.of[task].id} and differs from it on {task}"
    for id in plain:  # it shares columns with the method, so it is in the table, too
        differing = [name for name in NOTED if getattr(entry.run, name) != getattr(entries[id].run, name)]
        if differing:
            yield f"Differs too: {', '.join(differing)} of {entry.id} and its plain run {id}"
