"""Tables of the leaderboard as values, before they are drawn in any format."""

from __future__ import annotations

from typing import Literal, NamedTuple

#: Before what a row says of submissions that it is like.
ALIKE_MARK = "‡"


class ColumnView(NamedTuple):
    """`better`: which way is up, None for neither (a layer, a share). `about` says what exactly stands here, with n.

    `unit`: "%", "points" (of %), "nats", or empty for a number without one.
    """

    title: str
    about: str
    better: Literal["higher", "lower"] | None = "higher"
    unit: str = ""


class CellView(NamedTuple):
    """A number as it is shown; `value` None where there is none, and `text` is then "" or says why.

    `low`, `high`: 95% interval. `rank`: among the measured rows of this column, None where it has no rank. `n`: number
    of questions. `rule`: signature it was scored by.
    """

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    rank: int | None = None
    rule: str = ""


class RowView(NamedTuple):
    """`entry` is the submission's id, empty for a published row, whose numbers were not measured here.

    `zero_shot`: whether the model's training saw none of the training sets of the table's benchmarks; None where the paper
    does not say. `alike`: which submissions it is like, in words; empty if none.
    """

    name: str
    method: str
    parameters: float | None
    entry: str
    zero_shot: bool | None
    cells: list[CellView]
    alike: str = ""


class TableView(NamedTuple):
    """`key` names its files ("table1", "tableF4", "grounding"). `ranked`: number of the column that orders the rows.

    `published` stands apart from `measured` and has no ranks; `source` says where it is printed.
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
