"""The study's breakdown as tables for readers: one per axis, attention on the box as a multiple of that of other images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import exp

from lmms_vg.runs.tidy_rows import Row
from lmms_vg.runs.units import plural, together
from lmms_vg.study.page.input import PageTable

_HEADS = ("model", "task", "category", "times other images", "from", "to", "placement", "questions")
_NOTE = (
    "Times other images: attention on the box over what maps of other images put on it, with a 95% interval from whole {units} "
    "(none under ten); 1 is what a look has that cannot know the box, and 0.5 is chance in placement. Categories are compared "
    "with care: a look of equal strength gives small boxes higher values than large ones."
)


def breakdowns(rows: Sequence[Row], names: Mapping[tuple[str, str], str]) -> list[PageTable]:
    """Return one table per axis that has more than one category in any task.

    Args:
        rows: of `breakdown_table.table`.
        names: model and method -> what they are called in short.
    """
    axes = dict.fromkeys(row["axis"] for row in rows)
    units = plural(together(row["unit"] for row in rows))
    tables = [(axis, [*_lines([row for row in rows if row["axis"] == axis], names)]) for axis in axes]
    return [
        PageTable(
            f"By {axis}" if axis != "all" else "All questions of each task",
            _NOTE.format(units=units) if axis == "all" else "",
            (*_HEADS, units, "layer"),
            lines,
        )
        for axis, lines in tables
        if lines and (axis == "all" or len({line[2] for line in lines}) > 1)
    ]


def _lines(rows: Sequence[Row], names: Mapping[tuple[str, str], str]) -> Iterator[list[str | float | int | None]]:
    placed = {_name(row): row["mean"] for row in rows if (row["measure"], row["quantity"]) == ("placement", "value")}
    for row in rows:
        if (row["measure"], row["quantity"]) == ("AR", "excess"):
            name = _name(row)
            model = names.get((row["model"], row["method"]), f"{row['model']} {row['method']}")
            ends = [exp(row[end]) for end in ("mean", "low", "high")]
            yield [model, row["task"], row["category"], *ends, placed.get(name), row["n"], row["images"], row["layer"]]


def _name(row: Row) -> tuple[str, ...]:
    return tuple(row[part] for part in ("model", "method", "task", "category"))
