"""A method that answers, with the journal it answers into."""

from __future__ import annotations

from dataclasses import dataclass, field

from lmms_vg.journal import Journal
from lmms_vg.methods.base import Method


@dataclass
class Tally:
    """What became of the questions of a run."""

    asked: int = 0
    from_journal: int = 0
    answered: int = 0
    failed: int = 0

    def __str__(self) -> str:
        return (
            f"{self.asked} asked, {self.from_journal} from journal, {self.answered} answered now, {self.failed} failed"
        )


@dataclass
class Contender:
    """A method, the journal of its answers, and what became of its questions."""

    method: Method
    journal: Journal
    tally: Tally = field(default_factory=Tally)
