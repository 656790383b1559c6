"""The tables of merged ratings: what was dropped, how far raters agree, and the distribution in the shape of Table R.6."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lmms_vg.runs.text_tables import comma_separated, markdown
from lmms_vg.vgmed.agreement import LEVELS, Agreement, signature
from lmms_vg.vgmed.rate_merge import RatingsMerged
from lmms_vg.vgmed.rated_questions import DROP_REASONS, RatedQuestion
from lmms_vg.vgmed.rubric import SCALES, THRESHOLD


class Distribution(NamedTuple):
    """Scores of one kind of question on one scale, at the first showing.

    Attributes:
        row: the row's name in Table R.6.
        counts: score -> number of ratings.
        questions: number of questions.
    """

    row: str
    counts: Counter[int]
    questions: int

    @property
    def ratings(self) -> int:
        """Number of ratings."""
        return self.counts.total()

    def percent(self, score: int) -> float | None:
        """Percentage of ratings with this score; None if there are no ratings."""
        return 100 * self.counts[score] / self.ratings if self.ratings else None


def distributions(questions: Sequence[RatedQuestion]) -> list[Distribution]:
    """Return one row per kind and scale, in the paper's order; of kept questions, give only these."""
    rows = []
    for kind in kinds_of(questions):
        members = [question for question in questions if question.kind == kind]
        together = Counter(scores for question in members for scores in question.scores.values())  # of a few kinds
        for place, scale in enumerate(SCALES):
            counts: Counter[int] = Counter()
            for scores, number in together.items():
                counts[scores[place]] += number
            rows.append(Distribution(f"{kind.capitalize()}, {scale.title.lower()}", counts, len(members)))
    return rows


def kinds_of(questions: Sequence[RatedQuestion]) -> list[str]:
    """Kinds of question, sorted."""
    return sorted({question.kind for question in questions})


def kept(questions: Sequence[RatedQuestion]) -> list[RatedQuestion]:
    """Return the questions that are not dropped."""
    return [question for question in questions if not question.reasons]


def report(merged: RatingsMerged) -> Iterator[str]:
    """Yield the lines of the report."""
    stay = kept(merged.questions)
    yield f"# {len(stay)} of {len(merged.questions)} questions are kept"
    yield ""
    yield f"{len(merged.raters)} raters: {', '.join(merged.raters) or 'none'}. A question may be dropped for several reasons."
    yield ""
    yield from _dropped(merged)
    yield ""
    yield "## Agreement between raters, before anything is dropped"
    yield ""
    rows = [
        [kind, scale.title, *agreement_cells(merged.between(place, kind))]
        for kind in kinds_of(merged.questions)
        for place, scale in enumerate(SCALES)
    ]
    yield markdown(["kind", "scale", *_AGREEMENT], rows, 2)
    yield ""
    yield "## Agreement of each rater with the own repeats"
    yield ""
    rows = [
        [rater, scale.title, *agreement_cells(merged.within(rater, place))]
        for rater in merged.raters
        for place, scale in enumerate(SCALES)
    ]
    yield markdown(["rater", "scale", *_AGREEMENT], rows, 2)
    yield ""
    yield f"Signature: {signature()}"
    yield ""
    yield from distribution_lines(merged.questions)


def distribution_lines(questions: Sequence[RatedQuestion]) -> Iterator[str]:
    """Yield the distribution of all ratings and of those of kept questions."""
    for title, members in (("all questions", questions), ("kept questions (the shape of Table R.6)", kept(questions))):
        yield f"## Ratings of {title}, in percent of ratings"
        yield ""
        scores = range(1 if members is questions else THRESHOLD, LEVELS + 1)
        rows = [
            [entry.row, *(shown(entry.percent(score)) for score in scores), str(entry.ratings), str(entry.questions)]
            for entry in distributions(members)
        ]
        yield markdown(["", *map(str, scores), "ratings", "questions"], rows, 1)
        yield ""


def distribution_csv(questions: Sequence[RatedQuestion]) -> str:
    """Return the distribution of kept questions' ratings as CSV, in full precision."""
    scores = range(THRESHOLD, LEVELS + 1)
    rows = [
        [entry.row, *(entry.percent(score) for score in scores), entry.ratings, entry.questions]
        for entry in distributions(kept(questions))
    ]
    return comma_separated(["row", *(f"rating {score}, %" for score in scores), "ratings", "questions"], rows)


def shown(value: float | None) -> str:
    """Return a percentage with the paper's two decimals."""
    return "-" if value is None else f"{value:.2f}"


_AGREEMENT = ("alpha (ordinal)", "equal pairs, %", "questions", "ratings")


def agreement_cells(agreement: Agreement) -> list[str]:
    """Cells of one agreement; "undefined" where all ratings are equal, and "-" where no question has two."""
    if agreement.percent is None:
        return ["-", "-", "0", "0"]
    alpha = "undefined" if agreement.alpha is None else f"{agreement.alpha:.3f}"
    return [alpha, f"{agreement.percent:.1f}", str(agreement.questions), str(agreement.ratings)]


def _dropped(merged: RatingsMerged) -> Iterator[str]:
    counts = Counter(reason for question in merged.questions for reason in question.reasons)
    rows = [[reason, meaning, str(counts[reason])] for reason, meaning in DROP_REASONS.items()]
    yield markdown(["dropped", "because", "questions"], rows, 2)
