"""Explain a significant difference that does not come from better answers: format, criterion, or unknown."""

from __future__ import annotations

from typing import NamedTuple

from lmms_vg.runs.saying import LEVEL, Change, Source


class SourceWords(NamedTuple):
    """A claim about a difference, and the numbers that it rests on.

    Attributes:
        claim: "the gain lives in the format of the answers alone".
        evidence: the numbers; empty if where it lives cannot be told.
    """

    claim: str
    evidence: str = ""

    @property
    def text(self) -> str:
        """Both as one sentence."""
        return f"{self.claim}: {self.evidence}" if self.evidence else self.claim


def source_words(difference: float, change: Change, source: Source | None) -> SourceWords | None:
    """Say where a difference lives; None if it is not significant, or lives in seeing or in better answers.

    Args:
        difference: its mean.
        change: what it is made of.
        source: what `change.source` says of it.
    """
    kind = "gain" if difference > 0 else "loss"
    if source == "format":
        claim = f"the {kind} lives in the format of the answers alone"
        readable = change.parts.readable
        if readable is not None and readable.p < LEVEL:  # the other way, or the source would not be the format
            claim += f", and what both answered readably shows a {'loss' if difference > 0 else 'gain'}"
        return SourceWords(claim, _of_format(change))
    if source == "criterion" and change.shift is not None:
        return SourceWords(f"the {kind} lives in the criterion as far as is shown", _of_criterion(change))
    if source == "cannot tell":
        return SourceWords(f"whether the {kind} lives in seeing, criterion or format cannot be told from these answers")
    return None


def _of_format(change: Change) -> str:
    parts = change.parts
    readable = "no question was answered readably by both"
    if parts.readable is not None:
        readable = (
            f"among the {parts.both.n} questions that both runs answered readably the difference is "
            f"{100 * parts.readable.mean:+.2f} points (p {parts.readable.p:.4f})"
        )
    return (
        f"{parts.newly.n} became readable and {parts.no_longer.n} no longer are, which makes "
        f"{parts.newly.net + parts.no_longer.net:+g} right answers; {readable}"
    )


def _of_criterion(change: Change) -> str:
    shift = change.shift
    assert shift is not None, "the criterion is one of yes/no questions"
    more = "more" if shift.yes_rate.mean > 0 else "less"
    return (
        f"yes is said {more} often ({100 * shift.yes_rate.mean:+.1f} points), and d' does not show better seeing "
        f"({shift.d_prime.mean:+.2f}, p {shift.d_prime.p:.4f})"
    )
