"""Tables of the leaderboard as values, independent of any output format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from lmms_vg.leaderboard.roles import Role

#: Mark before the submissions that a row is like.
ALIKE_MARK = "‡"

#: Mark of a row whose model is the submitter's word.
DECLARED_MARK = "§"


class ColumnView(NamedTuple):
    """A column of numbers.

    Attributes:
        about: exactly what the numbers are, with n.
        better: which way is up; None for neither (a layer, a share).
        unit: "%", "points" (of %), "nats", "log", or empty for a number without one.
        chance: the level of a look blind to the boxes; empty where there is no such level.
    """

    title: str
    about: str
    better: Literal["higher", "lower"] | None = "higher"
    unit: str = ""
    chance: str = ""


class Rank(NamedTuple):
    """The best and the worst place that a row can have among the `of` ranked rows of a column."""

    best: int
    worst: int
    of: int


class CellView(NamedTuple):
    """A number as it is shown.

    Attributes:
        text: the number; if there is none, "" or why.
        value: None if there is no number.
        low: lower end of the 95% interval.
        high: upper end.
        n: number of questions.
        rank: among the ranked rows of this column; None if it has no rank.
        under: id of the submission that is ranked in this column for the row's model and method, if it is another one.
        rule: signature of the rule that scored it.
    """

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    rank: Rank | None = None
    rule: str = ""
    under: str = ""


class RowView(NamedTuple):
    """A row of a table.

    Attributes:
        entry: the submission's id; empty for a published row, which was not measured here.
        zero_shot: whether the model was trained on none of the table's benchmarks; None if the paper does not say.
        alike: the submissions that it is like, in words; empty if none.
        declared: whether what was run is the submitter's word, since the model is not of lmms_vg.
        role: why it is never ranked; empty if it can be.
        under: the submission that is ranked for its model and method in the table's main column, if it is another one.
        settings: number of submissions of its model and method in the table, of which one is ranked.
        grounding: whether where it looked was recomputed from maps, in words; empty if the table does not show it.
    """

    name: str
    method: str
    parameters: float | None
    entry: str
    zero_shot: bool | None
    cells: list[CellView]
    alike: str = ""
    declared: bool = False
    role: Role = ""
    under: str = ""
    settings: int = 1
    grounding: str = ""


class TableView(NamedTuple):
    """A table; only `measured` rows have ranks.

    Attributes:
        key: name of its files ("table1", "tableF4", "grounding").
        ranked: index of the column that orders the rows.
        measured: rows that are ranked, and those folded under them.
        published: the paper's rows.
        source: where the published rows are printed.
        unranked: oracles, controls and chance, by which the others are read.
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
    unranked: Sequence[RowView] = ()
