"""The report of a benchmark: Markdown for people, JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """A measured value and its target. `at_most`: the target is an upper bound, else a lower one."""

    name: str
    value: float
    target: float
    at_most: bool = True

    @property
    def met(self) -> bool:
        """Whether the value meets its target."""
        return self.value <= self.target if self.at_most else self.value >= self.target

    def row(self) -> tuple[str, ...]:
        """Cells: name, value, target, verdict."""
        sign, verdict = "<=" if self.at_most else ">=", "pass" if self.met else "MISSED"
        return self.name, f"{self.value:.3g}", f"{sign} {self.target:g}", verdict


@dataclass(frozen=True)
class Agreement:
    """How many answers of two paths are equal, and how many distinct answers there are (a single one proves little)."""

    name: str
    same: int
    total: int
    different: int

    @classmethod
    def of(cls, name: str, pairs: Sequence[tuple[str, str]]) -> Agreement:
        """Count over pairs of answers."""
        return cls(name, sum(a == b for a, b in pairs), len(pairs), len({a for a, _ in pairs}))

    def row(self) -> tuple[str, ...]:
        """Cells: name, equal answers, distinct answers."""
        return self.name, f"{self.same} of {self.total}", str(self.different)


@dataclass(frozen=True)
class Report:
    """The outcome of a benchmark.

    Attributes:
        setup: what was run on what.
        seconds: contestant -> seconds per question, one value per round.
        ratios: measured values and targets.
        agreements: equal answers of two paths.
        judged: whether the sizes are large enough for the ratios to mean anything.
    """

    setup: dict[str, Any]
    seconds: dict[str, list[float]]
    ratios: list[Ratio]
    agreements: list[Agreement]
    judged: bool = True

    def markdown(self) -> str:
        """The tables."""
        tables = [
            table(("setup", ""), self.setup.items()),
            table(("path", "seconds a question, median", "fastest", "slowest", "rounds"), self._seconds()),
            table(("ratio", "measured", "target", "verdict"), (self._judge(ratio.row()) for ratio in self.ratios)),
            table(("answers", "the same", "different ones"), (agreement.row() for agreement in self.agreements)),
        ]
        return "\n\n".join(table for table in tables if table.count("\n") > 1)  # those with rows

    def _judge(self, row: tuple[str, ...]) -> tuple[str, ...]:
        return row if self.judged else (*row[:2], "none at this size", "-")

    def _seconds(self) -> list[tuple[str, ...]]:
        return [
            (name, *(f"{number:.3f}" for number in (median(values), min(values), max(values))), str(len(values)))
            for name, values in self.seconds.items()
        ]

    def json(self) -> dict[str, Any]:
        """The same, with whether each target was met."""
        return {**asdict(self), "ratios": [{**asdict(ratio), "met": ratio.met} for ratio in self.ratios]}


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table in Markdown."""
    lines = [" | ".join(map(str, row)) for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(f"| {line} |" for line in lines)
