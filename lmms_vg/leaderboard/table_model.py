"""Tables of the leaderboard as values, independent of any output format."""

from __future__ import annotations

from typing import Literal, NamedTuple

#: Mark before the submissions that a row is like.
ALIKE_MARK = "‡"

#: Mark of a row whose model is the submitter's word.
DECLARED_MARK = "§"


class ColumnView(NamedTuple):
    """A column of numbers.

    Attributes:
        about: exactly what the numbers are, with n.
        better: which way is up; None for neither (a layer, a share).
        unit: "%", "points" (of %), "nats", or empty for a number without one.
    """

    title: str
    about: str
    better: Literal["higher", "lower"] | None = "higher"
    unit: str = ""


class CellView(NamedTuple):
    """A number as it is shown.

    Attributes:
        text: the number; if there is none, "" or why.
        value: None if there is no number.
        low: lower end of the 95% interval.
        high: upper end.
        n: number of questions.
        rank: among the measured rows of this column; None if it has no rank.
        rule: signature of the rule that scored it.
    """

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    rank: int | None = None
    rule: str = ""


class RowView(NamedTuple):
    """A row of a table.

    Attributes:
        entry: the submission's id; empty for a published row, which was not measured here.
        zero_shot: whether the model was trained on none of the table's benchmarks; None if the paper does not say.
        alike: the submissions that it is like, in words; empty if none.
        declared: whether what was run is the submitter's word, since the model is not of lmms_vg.
    """

    name: str
    method: str
    parameters: float | None
    entry: str
    zero_shot: bool | None
    cells: list[CellView]
    alike: str = ""
    declared: bool = False


class TableView(NamedTuple):
    """A table; `published` rows are apart from `measured` ones and have no ranks.

    Attributes:
        key: name of its files ("table1", "tableF4", "grounding").
        ranked: index of the column that orders the rows.
        source: where the published rows are printed.
    """

    key: str
    title: str
    about: str
    columns: list[ColumnView]
    ranked: int
    measured: list[RowView]
    published: list[RowView]
    source: str
    notes: list[str]
