"""From submissions and the paper's printed numbers to tables, in which the two never mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lmms_vg.leaderboard import vs_plain_columns
from lmms_vg.leaderboard.alike import ALIKE, Likeness, likenesses
from lmms_vg.leaderboard.cells import UNVERIFIED, Filled, fill
from lmms_vg.leaderboard.published_rows import printed
from lmms_vg.leaderboard.ranks import DEFINITION, RESAMPLES
from lmms_vg.leaderboard.table_model import ALIKE_MARK, CellView, ColumnView, RowView, TableView
from lmms_vg.leaderboard.table_specs import LARGE, TableSpec, shapes
from lmms_vg.metrics.statistics import signature
from lmms_vg.paper.protocols import ProtocolName
from lmms_vg.submission.validated import Entry

_ALIKE = (
    f"{ALIKE_MARK} Like another submission: on a task of this table their scores correlate by {ALIKE} or more over the "
    "questions. It may be the same model run twice, or a copy; answers cannot tell. A submission's page names all that it is "
    "like. Methods of one model under one card are not marked"
)


def tables(
    entries: Sequence[Entry], protocol: ProtocolName, alike: Mapping[str, Sequence[Likeness]] | None = None
) -> list[TableView]:
    """The tables that have rows, in the paper's order, whatever order the entries are in.

    Of equals the one that came first in the repository's history precedes, then that of the smaller id. Entries of another
    protocol are left out; those of measurements only have none and stand under every one. `alike` are the entries'
    `likenesses`, where they are at hand already. Errors: ValueError for two entries
    of one id.
    """
    chosen = sorted((one for one in entries if one.manifest.protocol in (protocol, None)), key=Entry.precedence)
    if len({one.id for one in chosen}) < len(chosen):
        raise ValueError(f"two of {len(chosen)} submissions have the same id, which names their rows")
    if alike is None:
        alike = likenesses(entries)
    made = [_table(shape, chosen, alike) for shape in shapes(protocol)]
    return [table for table in made if table.measured or table.published]


def _table(shape: TableSpec, entries: Sequence[Entry], alike: Mapping[str, Sequence[Likeness]]) -> TableView:
    fitting = [one for one in entries if shape.large in (None, one.manifest.card.parameters > LARGE)]
    if shape.against:
        fitting = _with_methods(shape, fitting)
    filled = {measure.title: fill(fitting, measure) for measure in shape.measures}
    columns = [ColumnView(one.title, one.about, one.better, one.unit) for one in shape.measures]
    ranked = _ranked(shape, filled)
    standing = [one for one in fitting if any(one.id in column.cells for column in filled.values())]
    standing.sort(key=lambda one: _place(filled[columns[ranked].title], one.id))  # of equals the first to come
    cells = {one.id: [column.cells.get(one.id, CellView("")) for column in filled.values()] for one in standing}
    notes = _notes(shape, filled, standing) if standing else []
    if shape.against:
        standing = _below_plain(standing)
        further, said = vs_plain_columns.against_columns(standing, shape.measures)
        columns += vs_plain_columns.COLUMNS
        cells = {id: [*cells[id], *further[id]] for id in further}
        notes += said
    rows = [_row(shape, one, cells[one.id], alike.get(one.id, ())) for one in standing]
    if any(row.alike for row in rows):
        notes.append(_ALIKE)
    paper = printed(shape, [column.title for column in columns])
    return TableView(
        key=shape.key,
        title=shape.title,
        about=shape.about,
        columns=columns,
        ranked=ranked,
        measured=rows,
        published=paper.rows,
        source=paper.source,
        notes=[*notes, *paper.notes],
    )


def _ranked(shape: TableSpec, filled: dict[str, Filled]) -> int:
    """The column that most rows have among those that the shape names, or among all with ranks where nobody has these."""
    titles = [measure.title for measure in shape.measures]
    ranks = [title for title in titles if any(cell.rank is not None for cell in filled[title].cells.values())]
    named = [title for title in shape.ranked if filled[title].cells] or ranks or list(shape.ranked)
    return titles.index(max(named, key=lambda title: len(filled[title].cells)))


def _place(column: Filled, id: str) -> tuple[bool, bool, float]:
    """What has no rank stands below what has. Columns that order rows are better the higher."""
    cell = column.cells.get(id, CellView(""))
    return cell.value is None, cell.rank is None, -(cell.value or 0.0)


def _row(shape: TableSpec, entry: Entry, cells: list[CellView], alike: Sequence[Likeness]) -> RowView:
    card = entry.manifest.card
    zero_shot = not shape.datasets & {*card.trained_on}
    here = [one for one in alike if not shape.tasks.isdisjoint(one.tasks)]
    return RowView(card.name, entry.method, card.parameters, entry.id, zero_shot, cells, _like(here))


def _like(alike: Sequence[Likeness]) -> str:
    if not alike:
        return ""
    first, *others = alike
    came = f", which came {first.came}" if first.came else ""
    return f"like {first.other}{came}" + (f", and {len(others)} more" if others else "")


def _with_methods(shape: TableSpec, entries: Sequence[Entry]) -> list[Entry]:
    """Those that stand in the table's columns, of models that a method does."""
    standing = [one for one in entries if not shape.tasks.isdisjoint(one.scores)]
    models = {one.manifest.run.weights for one in standing if not one.is_plain}
    return [one for one in standing if one.manifest.run.weights in models]


def _below_plain(entries: Sequence[Entry]) -> list[Entry]:
    """Models by name: plain runs, then methods, each in the order given."""
    models: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: not one.is_plain):
        models.setdefault(entry.manifest.run.weights, []).append(entry)
    named = sorted(models.items(), key=lambda model: (model[1][0].manifest.card.name.casefold(), model[0]))
    return [entry for _, group in named for entry in group]


def _notes(shape: TableSpec, filled: dict[str, Filled], standing: Sequence[Entry]) -> list[str]:
    notes = [DEFINITION, f"Intervals: 95%, {signature(resamples=RESAMPLES)}"]
    notes.append(f"Zero-shot: by its submitter's word not trained on {', '.join(sorted(shape.datasets))}")
    if any(cell.text.endswith(UNVERIFIED) for column in filled.values() for cell in column.cells.values()):
        notes.append(
            f"{UNVERIFIED.strip()} Its questions and references were not compared with the benchmark's, which was not on the "
            "machine that made this table: they are the submitter's word"
        )
    for what, has_rank in (("Not ranked", False), ("Ranked among its like only", True)):
        notes += _gathered(what, {title: column.apart_with(has_rank) for title, column in filled.items()})
    notes += _gathered("Measured on other tasks", {title: column.instead for title, column in filled.items()})
    for title, column in filled.items():
        rules = sorted({cell.rule for cell in column.cells.values()})
        if len(rules) > 1:
            notes.append(f"{title} is scored by several rules, which give several quantities: {', '.join(rules)}")
    leaks = ((one.id, ", ".join(one.manifest.run.leaks)) for one in standing if one.manifest.run.leaks)
    notes += [
        f"Leak: {id}: its heads were, or may have been, ranked on images of {of}, so its results may be too good"
        for id, of in leaks
    ]
    return notes


def _gathered(what: str, columns: dict[str, dict[str, str]]) -> list[str]:
    """A note for each reason: whom it concerns, and in which columns."""
    found: dict[tuple[str, str], list[str]] = {}
    for title, reasons in columns.items():
        for id, reason in reasons.items():
            found.setdefault((id, reason), []).append(title)
    return [f"{what}: {id} in {', '.join(titles)} ({reason})" for (id, reason), titles in found.items()]
