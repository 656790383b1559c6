"""Several tables of the paper as one, for figures that show cells of more than one (Figure A.1)."""

from __future__ import annotations

from collections.abc import Mapping

from lmms_vg.paper.published import Average, PublishedTable, table


def side_by_side(prefixes: Mapping[str, str], title: str) -> PublishedTable:
    """Return the columns of several tables side by side; a row that a table lacks has no cells there.

    Args:
        prefixes: the paper's number of a table -> what stands before the names of its averages, which are otherwise alike.
        title: of the whole.

    Raises:
        ValueError: there is no such table, or two have a column of the same name.
    """
    tables = {id: table(id) for id in prefixes}
    rows = dict.fromkeys(row for part in tables.values() for row in part.rows)
    named = {
        id: {average.column: f"{prefixes[id]} {average.column}" for average in part.averages}
        for id, part in tables.items()
    }
    return PublishedTable(
        id=" and ".join(tables),
        title=title,
        source="; ".join(part.source for part in tables.values()),
        unit=next(iter(tables.values())).unit,
        columns=[named[id].get(column, column) for id, part in tables.items() for column in part.columns],
        averages=[
            Average(column=named[id][average.column], of=average.of, weighting=average.weighting)
            for id, part in tables.items()
            for average in part.averages
        ],
        rows={
            row: [cell for part in tables.values() for cell in part.rows.get(row, [None] * len(part.columns))]
            for row in rows
        },
    )
