"""Contestants take turns, so that a fast minute of the machine or a warm cache favours none of them."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import inf
from statistics import median
from typing import NamedTuple

from benchmarks.questions import Asked

#: Images whose questions a contestant gets together; one at batch size 1, several where batches should be full.
Round = Sequence[Asked]


class Contestant(NamedTuple):
    """A function that answers the questions of a round, in order, and the number of questions per image it is asked."""

    answer: Callable[[Round], list[str]]
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


def hold(contestants: Mapping[str, Contestant], rounds: Sequence[Round], until: float = inf) -> dict[str, Result]:
    """Warm up with one question each, then go through the rounds, each with all contestants.

    Args:
        contestants: by name.
        rounds: what is asked.
        until: value of `time.perf_counter()` after which no further round starts, except the first.
    """
    for name, contestant in contestants.items():
        _log(f"warm-up: {name}")
        contestant.answer(_first(rounds[0][:1], 1))
    results: dict[str, Result] = defaultdict(lambda: Result([], {}))
    for number, images in enumerate(rounds, start=1):
        if number > 1 and time.perf_counter() > until:
            _log(f"rounds {number} to {len(rounds)} are left out: the time is used up")
            break
        for name, contestant in contestants.items():
            asked = _first(images, contestant.questions)
            started = time.perf_counter()
            texts = contestant.answer(asked)
            seconds = (time.perf_counter() - started) / len(texts)
            results[name].seconds.append(seconds)
            keys = [(entry.image.name, question) for entry in asked for question in entry.questions]
            results[name].answers.update(zip(keys, texts, strict=True))
            _log(f"round {number} of {len(rounds)}: {name}: {seconds:.3f} s per question")
    return dict(results)


def one_by_one(images: Sequence[Asked], repeats: int = 1) -> list[Round]:
    """Rounds of one image, `repeats` times through all."""
    return [[image] for _ in range(repeats) for image in images]


def _first(images: Round, questions: int) -> Round:
    return [replace(asked, questions=asked.questions[:questions]) for asked in images]


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
