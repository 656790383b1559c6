"""Contestants taking turns: nobody has the machine to itself while it is fast, or the warm caches of the one before."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import NamedTuple

from benchmarks.questions import Asked


class Contestant(NamedTuple):
    """Something that answers all questions about an image, and how many of an image's questions it is asked."""

    answer: Callable[[Asked], list[str]]
    questions: int


class Result(NamedTuple):
    """What one contestant did.

    Attributes:
        seconds: per question, one value for each round.
        answers: text by (image, question).
    """

    seconds: list[float]
    answers: dict[tuple[str, str], str]

    def times(self, other: Result) -> float:
        """Seconds in units of another's: the ratio within each round, so that a slow minute hits both; their median."""
        return median(own / its for own, its in zip(self.seconds, other.seconds, strict=True))

    def common(self, other: Result) -> list[tuple[str, str]]:
        """Both answers to every question that both were asked."""
        return [(text, other.answers[key]) for key, text in self.answers.items() if key in other.answers]


def hold(contestants: Mapping[str, Contestant], images: Sequence[Asked], repeats: int) -> dict[str, Result]:
    """A warm-up of one question each, then `repeats` times over all images; each image with everybody is a round."""
    for name, contestant in contestants.items():
        _say(f"warm-up: {name}")
        contestant.answer(_first(images[0], 1))
    results: dict[str, Result] = defaultdict(lambda: Result([], {}))
    rounds = [image for _ in range(repeats) for image in images]
    for number, image in enumerate(rounds, start=1):
        for name, contestant in contestants.items():
            asked = _first(image, contestant.questions)
            started = time.perf_counter()
            texts = contestant.answer(asked)
            seconds = (time.perf_counter() - started) / len(texts)
            results[name].seconds.append(seconds)
            results[name].answers.update(
                {(image.image.name, q): t for q, t in zip(asked.questions, texts, strict=True)}
            )
            _say(f"round {number} of {len(rounds)}: {name}: {seconds:.3f} s a question")
    return dict(results)


def _first(asked: Asked, questions: int) -> Asked:
    return replace(asked, questions=asked.questions[:questions])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
