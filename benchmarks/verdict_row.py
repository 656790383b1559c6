"""One simulation of `benchmarks.verdicts`: how often something happened, and how often it may."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple


class Row(NamedTuple):
    """One simulation.

    Attributes:
        name: what was counted.
        rate: the share of repetitions in which it happened.
        limit: the rate that it may have.
        at_least: whether the rate must be at least the limit; else at most.
        repetitions: number of repetitions.
    """

    name: str
    rate: float
    limit: float
    at_least: bool
    repetitions: int

    @property
    def holds(self) -> bool:
        """Whether the rate is within two standard errors of the simulation."""
        slack = 2 * sqrt(self.limit * (1 - self.limit) / self.repetitions)
        return self.rate >= self.limit - slack if self.at_least else self.rate <= self.limit + slack
