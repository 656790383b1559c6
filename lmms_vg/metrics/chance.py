"""The score of answers given without the image: a score below this level is no evidence of seeing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lmms_vg.metrics.text import normalise


class Blind(NamedTuple):
    """Answers that are given without opening an image.

    Attributes:
        right: number that is right.
        n: number of questions.
        answer: the answer that is always given; empty if it depends on the question.
        known: number of questions whose text has an answer in the training questions; n if none are needed.
    """

    right: int
    n: int
    answer: str
    known: int

    @property
    def score(self) -> float:
        """Share that is right."""
        return self.right / self.n


def majority(references: Sequence[str]) -> Blind:
    """Always give the most frequent reference answer; of equally frequent ones the first in the alphabet.

    It is chosen from the very references it is judged by, so it is as good as one answer to all questions can be.

    Raises:
        ValueError: there are no references.

    >>> majority(["No", "yes", "no."])
    Blind(right=2, n=3, answer='no', known=3)
    """
    if not references:
        raise ValueError("there are no references: allowed is at least one question")
    counts = Counter(map(normalise, references))
    # Alphabetical, because several ranks give questions in another order.
    answer = min(counts, key=lambda answer: (-counts[answer], answer))
    return Blind(counts[answer], len(references), answer, len(references))


def by_question(asked: Sequence[tuple[str, str]], training: Sequence[tuple[str, str]]) -> Blind:
    """Give the most frequent training answer to the same question text; of equally frequent ones the first in training.

    Texts are compared in lower case, without differences in spaces. A question whose text the training questions do not have
    gets the most frequent of their answers.

    Args:
        asked: question and reference of each question.
        training: question and answer of each training question.

    Raises:
        ValueError: there are no questions, or no training questions.

    >>> by_question([("Is it CT?", "yes"), ("Is it big?", "no")], [("is it  CT?", "yes"), ("Is it MR?", "no")])
    Blind(right=1, n=2, answer='', known=1)
    """
    if not asked or not training:
        raise ValueError(
            f"{len(asked)} questions and {len(training)} training questions: allowed is at least one of each"
        )
    answers: dict[str, Counter[str]] = {}
    for question, answer in training:
        answers.setdefault(_text(question), Counter())[normalise(answer)] += 1
    choice: Mapping[str, str] = {question: counts.most_common(1)[0][0] for question, counts in answers.items()}
    usual = Counter(normalise(answer) for _, answer in training).most_common(1)[0][0]
    right = sum(choice.get(_text(question), usual) == normalise(reference) for question, reference in asked)
    return Blind(right, len(asked), "", sum(_text(question) in choice for question, _ in asked))


def signature() -> str:
    """Describe what the values depend on, to be printed with them."""
    return "chance|majority+training-answer-to-the-same-question|v:1"


def _text(question: str) -> str:
    return " ".join(question.lower().split())
