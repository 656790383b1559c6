"""Contestants take turns, so that a fast minute of the machine or a warm cache favours none of them."""

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
    """A function that answers questions about an image, and the number of questions per image it is asked."""

    answer: Callable[[Asked], list[str]]
    questions: int


class Result(NamedTuple):
    """The outcome of one contestant.

    Attributes:
        seconds: per question, one value per round.
        answers: (image, question) -> text.
    """

    seconds: list[float]
    answers: dict[tuple[str, str], str]

    def times(self, other: Result) -> float:
        """Median over rounds of the ratio of seconds to another's; within a round, a slow minute affects both."""
        return median(taken / reference for taken, reference in zip(self.seconds, other.seconds, strict=True))

    def common(self, other: Result) -> list[tuple[str, str]]:
        """Pairs of answers to the questions that both were asked."""
        return [(text, other.answers[key]) for key, text in self.answers.items() if key in other.answers]


def hold(contestants: Mapping[str, Contestant], images: Sequence[Asked], repeats: int) -> dict[str, Result]:
    """Warm up with one question each, then go `repeats` times through all images; one image with all contestants is a round."""
    for name, contestant in contestants.items():
        _log(f"warm-up: {name}")
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
            _log(f"round {number} of {len(rounds)}: {name}: {seconds:.3f} s per question")
    return dict(results)


def _first(asked: Asked, questions: int) -> Asked:
    return replace(asked, questions=asked.questions[:questions])


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
