"""From submissions and the paper's printed numbers to tables, in which the two never mix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import isnan

from lmms_vg.leaderboard.against import Against, against
from lmms_vg.leaderboard.cells import UNVERIFIED, Filled, fill, show
from lmms_vg.leaderboard.plain_runs import disputed
from lmms_vg.leaderboard.published_rows import printed
from lmms_vg.leaderboard.ranks import DEFINITION, RESAMPLES
from lmms_vg.leaderboard.shapes import LARGE, Shape, shapes
from lmms_vg.leaderboard.view import Cell, Column, Row, Table
from lmms_vg.metrics.statistics import signature
from lmms_vg.study import compare
from lmms_vg.study.agreement import NOTED
from lmms_vg.submission.entry import Entry
from lmms_vg.submission.schema import Protocol

NO_PLAIN = "no plain run"
DISPUTED = "plain runs differ"

_AGAINST = [
    Column("difference", "To its model's plain run, paired", "higher", "points"),
    Column("better", "Questions that are right, or have a higher score, with the method only", None),
    Column("worse", "Questions that are right, or have a higher score, in the plain run only", None),
    Column("p (Holm)", "Of no difference, two-sided, corrected over all methods of this table", None),
]


def tables(entries: Sequence[Entry], protocol: Protocol) -> list[Table]:
    """The tables that have rows, in the paper's order, whatever order the entries are in.

    Entries of another protocol are left out; those of measurements only have none and stand under every one. Errors:
    ValueError for two entries of one id.
    """
    chosen = sorted((one for one in entries if one.manifest.protocol in (protocol, None)), key=lambda one: one.id)
    if len({one.id for one in chosen}) < len(chosen):
        raise ValueError(f"two of {len(chosen)} submissions have the same id, which names their rows")
    made = [_table(shape, chosen) for shape in shapes(protocol)]
    return [table for table in made if table.measured or table.published]


def _table(shape: Shape, entries: Sequence[Entry]) -> Table:
    fitting = [one for one in entries if shape.large in (None, one.manifest.card.parameters > LARGE)]
    if shape.against:
        fitting = _with_methods(shape, fitting)
    filled = {measure.title: fill(fitting, measure) for measure in shape.measures}
    columns = [Column(one.title, one.about, one.better, one.unit) for one in shape.measures]
    ranked = _ranked(shape, filled)
    standing = [one for one in fitting if any(one.id in column.cells for column in filled.values())]
    standing.sort(key=lambda one: _place(filled[columns[ranked].title], one.id))
    cells = {one.id: [column.cells.get(one.id, Cell("")) for column in filled.values()] for one in standing}
    notes = _notes(shape, filled, standing) if standing else []
    if shape.against:
        standing = _below_plain(standing)
        sets = [measure for measure in shape.measures if len(measure.ways[0][0].tasks) == 1]
        tested = against(entries, sets)
        found = {one.id: tested[one.id] for one in standing if one.id in tested}
        columns += _AGAINST
        disagree = {id: runs for id, runs in disputed(entries).items() if id in cells}
        cells = {one.id: [*cells[one.id], *_tested(one, found.get(one.id), one.id in disagree)] for one in standing}
        notes += _against_notes(found, standing, len(sets))
        notes += [
            f"Difference: {id} has none, since its model's plain runs differ from each other: {', '.join(runs)}"
            for id, runs in disagree.items()
        ]
    paper = printed(shape, [column.title for column in columns])
    return Table(
        key=shape.key,
        title=shape.title,
        about=shape.about,
        columns=columns,
        ranked=ranked,
        measured=[_row(shape, one, cells[one.id]) for one in standing],
        published=paper.rows,
        source=paper.source,
        notes=[*notes, *paper.notes],
    )


def _ranked(shape: Shape, filled: dict[str, Filled]) -> int:
    """The column that most rows have among those that the shape names, or among all with ranks where nobody has these."""
    titles = [measure.title for measure in shape.measures]
    ranks = [title for title in titles if any(cell.rank is not None for cell in filled[title].cells.values())]
    named = [title for title in shape.ranked if filled[title].cells] or ranks or list(shape.ranked)
    return titles.index(max(named, key=lambda title: len(filled[title].cells)))


def _place(column: Filled, id: str) -> tuple[bool, bool, float]:
    """What has no rank stands below what has. Columns that order rows are better the higher; of equals the smaller id first."""
    cell = column.cells.get(id, Cell(""))
    return cell.value is None, cell.rank is None, -(cell.value or 0.0)


def _row(shape: Shape, entry: Entry, cells: list[Cell]) -> Row:
    card = entry.manifest.card
    return Row(card.name, entry.method, card.parameters, entry.id, not shape.datasets & {*card.trained_on}, cells)


def _with_methods(shape: Shape, entries: Sequence[Entry]) -> list[Entry]:
    """Those that stand in the table's columns, of models that a method does."""
    tasks = {task for measure in shape.measures for task in measure.tasks}
    standing = [one for one in entries if not tasks.isdisjoint(one.scores)]
    models = {one.manifest.run.weights for one in standing if not one.is_plain}
    return [one for one in standing if one.manifest.run.weights in models]


def _below_plain(entries: Sequence[Entry]) -> list[Entry]:
    """Models by name: plain runs, then methods, each in the order given."""
    models: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: not one.is_plain):
        models.setdefault(entry.manifest.run.weights, []).append(entry)
    named = sorted(models.items(), key=lambda model: (model[1][0].manifest.card.name.casefold(), model[0]))
    return [entry for _, group in named for entry in group]


def _tested(entry: Entry, line: Against | None, disagree: bool) -> list[Cell]:
    if line is None:
        return [Cell("" if entry.is_plain else DISPUTED if disagree else NO_PLAIN), *[Cell("")] * (len(_AGAINST) - 1)]
    # All about a single image has no interval.
    mean, low, high = (None if isnan(value) else 100 * value for value in line.difference[:3])
    p = f"{line.holm:.4f}" if line.holm >= 0.0001 else "< 0.0001"
    return [
        Cell(show(100 * line.difference.mean, 2, "+"), mean, low, high, line.n, rule=line.rule),
        Cell(str(line.better), line.better),
        Cell(str(line.worse), line.worse),
        Cell(p, line.holm),
    ]


def _notes(shape: Shape, filled: dict[str, Filled], standing: Sequence[Entry]) -> list[str]:
    notes = [DEFINITION, f"Intervals: 95%, {signature(resamples=RESAMPLES)}"]
    notes.append(f"Zero-shot: by its submitter's word not trained on {', '.join(sorted(shape.datasets))}")
    if any(cell.text.endswith(UNVERIFIED) for column in filled.values() for cell in column.cells.values()):
        notes.append(
            f"{UNVERIFIED.strip()} Its questions and references were not compared with the benchmark's, which was not on the "
            "machine that made this table: they are the submitter's word"
        )
    notes += _gathered("Not ranked", {title: column.apart for title, column in filled.items()})
    notes += _gathered("Measured on other tasks", {title: column.instead for title, column in filled.items()})
    for title, column in filled.items():
        rules = sorted({cell.rule for cell in column.cells.values()})
        if len(rules) > 1:
            notes.append(f"{title} is scored by several rules, which give several quantities: {', '.join(rules)}")
    leaks = ((one.id, ", ".join(one.manifest.run.leaks)) for one in standing if one.manifest.run.leaks)
    notes += [
        f"Leak: {id}: its heads were ranked on images of {of}, so its results may be too good" for id, of in leaks
    ]
    return notes


def _gathered(what: str, columns: dict[str, dict[str, str]]) -> list[str]:
    """A note for each reason: whom it concerns, and in which columns."""
    found: dict[tuple[str, str], list[str]] = {}
    for title, reasons in columns.items():
        for id, reason in reasons.items():
            found.setdefault((id, reason), []).append(title)
    return [f"{what}: {id} in {', '.join(titles)} ({reason})" for (id, reason), titles in found.items()]


def _against_notes(found: dict[str, Against], standing: Sequence[Entry], sets: int) -> list[str]:
    """Which plain run, where a model has several; which columns, where not all; and what else differs."""
    runs = {one.id: one.manifest.run for one in standing}
    weights = {one.id: one.manifest.run.weights for one in standing}
    plain = Counter(weights[one.id] for one in standing if one.is_plain)
    notes = [f"Differences: paired, with 95% intervals; {signature(resamples=compare.RESAMPLES)}"] if found else []
    for id, line in found.items():
        which = f" against {line.plain}" if plain[weights[id]] > 1 else ""
        over = f" over {', '.join(line.of)} only" if len(line.of) < sets else ""
        if which or over:
            notes.append(f"Difference: {id}{which}{over}")
        # The plain run shares columns with the method, so it stands in the table, too.
        differing = [name for name in NOTED if getattr(runs[id], name) != getattr(runs[line.plain], name)]
        if differing:
            notes.append(f"Differs too: {', '.join(differing)} of {id} and its plain run {line.plain}")
    return notes
