"""Make tables from submissions and the paper's printed numbers; the two kinds of rows never mix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from lmms_vg.leaderboard import vs_plain_columns
from lmms_vg.leaderboard.alike import ALIKE, Likeness, likenesses
from lmms_vg.leaderboard.cells import UNVERIFIED, Filled, fill
from lmms_vg.leaderboard.chance_rows import Chance, chance_rows
from lmms_vg.leaderboard.estimates import RESAMPLES
from lmms_vg.leaderboard.folding import folds
from lmms_vg.leaderboard.published_rows import printed
from lmms_vg.leaderboard.ranks import DEFINITION
from lmms_vg.leaderboard.roles import role_of
from lmms_vg.leaderboard.table_model import ALIKE_MARK, DECLARED_MARK, CellView, ColumnView, RowView, TableView
from lmms_vg.leaderboard.table_specs import LARGE, TableSpec, shapes
from lmms_vg.metrics.statistics import signature
from lmms_vg.paper.protocols import ProtocolName
from lmms_vg.submission.validated import Entry

_ALIKE = (
    f"{ALIKE_MARK} Like another submission: on a task of this table their scores correlate by {ALIKE} or more over the "
    "questions. It may be the same model run twice, or a copy; answers cannot tell. A submission's page names all that it is "
    "like. Methods of one model under one card are not marked"
)
_DECLARED = (
    f"{DECLARED_MARK} Not a model of lmms_vg: which model answered, and how it was run, is the submitter's word. Its answers "
    "are scored as all others"
)


def tables(
    entries: Sequence[Entry],
    protocol: ProtocolName,
    alike: Mapping[str, Sequence[Likeness]] | None = None,
    chance: Sequence[Chance] = (),
) -> list[TableView]:
    """Return the tables that have rows, in the paper's order; the order of the entries makes no difference.

    Of equal rows, the one that came first in the repository's history is first, then the smaller id.

    Args:
        entries: the submissions; those of another protocol are left out, measurements alone are in every one.
        protocol: the protocol of the tables.
        alike: the entries' `likenesses`, if already computed.
        chance: what answers without looking reach, to be shown beside the entries.

    Raises:
        ValueError: two entries have the same id.
    """
    chosen = sorted((entry for entry in entries if entry.manifest.protocol in (protocol, None)), key=Entry.precedence)
    if len({entry.id for entry in chosen}) < len(chosen):
        raise ValueError(f"two of {len(chosen)} submissions have the same id, which names their rows")
    if alike is None:
        alike = likenesses(entries)
    views = [_table(shape, chosen, alike, chance) for shape in shapes(protocol)]
    return [table for table in views if table.measured or table.published or any(row.entry for row in table.unranked)]


def _table(
    shape: TableSpec,
    entries: Sequence[Entry],
    alike: Mapping[str, Sequence[Likeness]],
    chance: Sequence[Chance],
) -> TableView:
    fitting = [item for item in entries if shape.large in (None, _is_large(item))]
    if shape.against:
        fitting = _with_methods(shape, fitting)
    contents = {measure.title: fill(fitting, measure) for measure in shape.measures}
    columns = [ColumnView(item.title, item.about, item.better, item.unit, item.chance) for item in shape.measures]
    ranked = _ranked(shape, contents)
    shown = [item for item in fitting if any(item.id in column.cells for column in contents.values())]
    main = contents[columns[ranked].title]
    sign = -1 if columns[ranked].better == "lower" else 1
    shown.sort(key=lambda item: _place(main, item.id, sign))  # of equals the first to come
    cells = {item.id: [column.cells.get(item.id, CellView("")) for column in contents.values()] for item in shown}
    notes = _notes(shape, contents, shown) if shown else []
    if shape.against:
        shown = _below_plain(shown)
        vs_columns, vs_cells, vs_notes = vs_plain_columns.against_columns(shown, shape.measures)
        columns += vs_columns
        cells = {id: [*cells[id], *vs_cells[id]] for id in vs_cells}
        notes += vs_notes
    folded = folds(shown)
    submissions = Counter(line for line, _ in folded.values())
    rows = [
        _row(shape, item, cells[item.id], alike.get(item.id, ()))._replace(
            under=main.cells.get(item.id, CellView("")).under, settings=submissions[folded[item.id].line]
        )
        for item in shown
    ]
    if any(row.declared for row in rows):
        notes.append(_DECLARED)
    if any(row.alike for row in rows):
        notes.append(_ALIKE)
    paper = printed(shape, [column.title for column in columns])
    return TableView(
        key=shape.key,
        title=shape.title,
        about=shape.about,
        columns=columns,
        ranked=ranked,
        measured=[row for row in rows if not row.role],
        published=paper.rows,
        source=paper.source,
        notes=[*notes, *paper.notes],
        unranked=[*(row for row in rows if row.role), *chance_rows(chance, shape.measures, len(columns))],
    )


def _is_large(entry: Entry) -> bool:
    """Return whether a model may be above `LARGE`; one of unknown size may, so it is not ranked among small ones."""
    parameters = entry.manifest.card.parameters
    return parameters is None or parameters > LARGE


def _ranked(shape: TableSpec, filled: dict[str, Filled]) -> int:
    """Return the index of the named column that most rows have; if no row has one, of the column with ranks that most have.

    Folded rows do not count.
    """
    titles = [measure.title for measure in shape.measures]
    ranks = [title for title in titles if any(cell.rank is not None for cell in filled[title].cells.values())]
    named = [title for title in shape.ranked if filled[title].cells] or ranks or list(shape.ranked)
    return titles.index(max(named, key=lambda title: sum(not cell.under for cell in filled[title].cells.values())))


def _place(column: Filled, id: str, sign: int) -> tuple[bool, bool, float, str, bool, float]:
    """Sort key: ranked rows first, then the better ones; folded rows follow the row that is ranked for them.

    Args:
        column: the column.
        id: of the row.
        sign: 1 if higher is better, -1 if lower is.
    """
    cell = column.cells.get(id, CellView(""))
    above = column.cells[cell.under] if cell.under else cell
    of_line = above.value is None, above.rank is None, -sign * (above.value or 0.0), cell.under or id
    return *of_line, bool(cell.under), -sign * (cell.value or 0.0)


def _row(shape: TableSpec, entry: Entry, cells: list[CellView], alike: Sequence[Likeness]) -> RowView:
    card = entry.manifest.card
    zero_shot = not shape.datasets & {*card.trained_on}
    shown = [likeness for likeness in alike if not shape.tasks.isdisjoint(likeness.tasks)]
    return RowView(
        card.name,
        entry.method,
        card.parameters,
        entry.id,
        zero_shot,
        cells,
        alike=_like(shown),
        declared=entry.declared,
        role=role_of(entry),
        grounding=_grounding(shape, entry),
    )


def _grounding(shape: TableSpec, entry: Entry) -> str:
    """Say whether what the table shows of an entry's look was recomputed; empty if it shows nothing of it."""
    looked = [
        entry.scores[task] for task in sorted(shape.tasks & entry.scores.keys()) if entry.scores[task].metric == "ar"
    ]
    if not looked:
        return ""
    again = [scores.recomputed for scores in looked]
    return f"grounding {'recomputed' if all(again) else 'recomputed in part' if any(again) else 'not recomputed'}"


def _like(alike: Sequence[Likeness]) -> str:
    if not alike:
        return ""
    first, *others = alike
    came = f", which came {first.came}" if first.came else ""
    return f"like {first.other}{came}" + (f", and {len(others)} more" if others else "")


def _with_methods(shape: TableSpec, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries in the table's columns whose model has a method among them; declared models have none."""
    shown = [entry for entry in entries if not entry.declared and not shape.tasks.isdisjoint(entry.scores)]
    models = {entry.model for entry in shown if not entry.is_plain}
    return [entry for entry in shown if entry.model in models]


def _below_plain(entries: Sequence[Entry]) -> list[Entry]:
    """Sort models by name; within a model plain runs come first, then methods, each in the order given."""
    models: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda item: not item.is_plain):
        models.setdefault(entry.run.weights, []).append(entry)
    named = sorted(models.items(), key=lambda model: (model[1][0].manifest.card.name.casefold(), model[0]))
    return [entry for _, group in named for entry in group]


def _notes(shape: TableSpec, filled: dict[str, Filled], standing: Sequence[Entry]) -> list[str]:
    notes = [DEFINITION, f"Intervals: 95%, {signature(resamples=RESAMPLES)}"]
    notes.append(f"Zero-shot: by the submitter's word not trained on {', '.join(sorted(shape.datasets))}")
    if any(cell.text.endswith(UNVERIFIED) for column in filled.values() for cell in column.cells.values()):
        notes.append(
            f"{UNVERIFIED.strip()} Its questions and references were not compared with the benchmark's, which was not on the "
            "machine that made this table: they are the submitter's word"
        )
    for label, has_rank in (("Not ranked", False), ("Ranked only among rows like it", True)):
        notes += _gathered(label, {title: column.apart_with(has_rank) for title, column in filled.items()})
    notes += _gathered("Measured on other tasks", {title: column.instead for title, column in filled.items()})
    for title, column in filled.items():
        rules = sorted({cell.rule for cell in column.cells.values()})
        if len(rules) > 1:
            notes.append(f"{title} is scored by several rules, which measure different quantities: {', '.join(rules)}")
    signed = [entry for entry in standing if not entry.declared]
    leaks = ((entry.id, ", ".join(entry.run.leaks)) for entry in signed if entry.run.leaks)
    notes += [
        f"Leak: {id}: its heads were, or may have been, ranked on images of {of}, so its results may be too good"
        for id, of in leaks
    ]
    return notes


def _gathered(label: str, columns: dict[str, dict[str, str]]) -> list[str]:
    """Return one note per reason and entry, with the columns it concerns."""
    notes: dict[tuple[str, str], list[str]] = {}
    for title, reasons in columns.items():
        for id, reason in reasons.items():
            notes.setdefault((id, reason), []).append(title)
    return [f"{label}: {id} in {', '.join(titles)} ({reason})" for (id, reason), titles in notes.items()]
