"""Simulated: what ranks and the verdicts of `reproduce` say where the truth is known (docs/leaderboard.md).

    OMP_NUM_THREADS=1 python -m benchmarks.standings    # about three minutes; --repetitions 100 only tests the script

A table has 1,200 questions about 300 images. How easy a question is depends on its image and on the question; given that, rows
answer independently. Every number comes with its seed and, where it is a share of repetitions, its standard error. "Wanted" is
the nominal rate plus two standard errors.
"""

from __future__ import annotations

import argparse
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.report import table
from lmms_vg import __version__
from lmms_vg.leaderboard.estimates import RESAMPLES
from lmms_vg.leaderboard.ranks import ALPHA, differing, surely_better
from lmms_vg.metrics.statistics import percentile_interval, resample, wilson
from lmms_vg.paper.published import PublishedTable
from lmms_vg.paper.published import table as published
from lmms_vg.paper.rounding import right_answers
from lmms_vg.reproduce.verdict import Score, questions_of, verdict

REPETITIONS = 1_000
IMAGES, PER_IMAGE = 300, 4
SPREAD = 0.5, 0.8  # of the ease of images, and of the questions about one; the scores of two rows then correlate by .3
ACCURACY, GAIN = 0.55, 0.06
EQUAL_ROWS, POWER_ROWS = (2, 5, 10, 20, 50), 10
WANTED_POWER = 0.65
#: Tables of the paper, and the number of questions that are asked in place of the paper's.
CASES: tuple[tuple[str, int | None], ...] = (("1", None), ("3", None), ("F.4", None), ("G.5", None), ("2", 30))

Scores = NDArray[np.float64]


def scores(rng: np.random.Generator, accuracies: Sequence[float]) -> Scores:
    """Return (rows, questions) of 0 and 1, of rows with these true accuracies; questions of one image are neighbours."""
    of_images, of_questions = SPREAD
    ease = np.repeat(rng.normal(0, of_images, IMAGES), PER_IMAGE) + rng.normal(0, of_questions, IMAGES * PER_IMAGE)
    # The mean of Phi(m + s Z) over a standard normal Z is Phi(m / sqrt(1 + s^2)).
    scale = sqrt(1 + of_images**2 + of_questions**2)
    levels = np.array([scale * stats.norm.ppf(accuracy) for accuracy in accuracies])
    right = rng.random((len(levels), len(ease))) < stats.norm.cdf(ease + levels[:, None])
    as_numbers: Scores = right.astype(np.float64)
    return as_numbers


class Judged(NamedTuple):
    """(rows, rows): whether the first row is surely better than the second: with all pairs corrected, and each by itself."""

    corrected: NDArray[np.bool_]
    alone: NDArray[np.bool_]


def judged(rows: Scores) -> Judged:
    """Judge a table as the leaderboard does, and as it would if each pair were the only one."""
    images = np.repeat(np.arange(IMAGES), PER_IMAGE).tolist()
    drawn = resample(list(rows), images, resamples=RESAMPLES)
    means, resampled = drawn.totals / drawn.n, drawn.sums / drawn.counts
    alone = [percentile_interval(row - resampled)[0] > 0 for row in resampled]
    return Judged(surely_better(means, resampled, differing(rows, images), IMAGES), np.array(alone))


class Share(NamedTuple):
    """A share of repetitions, and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        """Return both to three digits."""
        return f"{self.value:.3f} +- {self.error:.3f}"


def share(values: Sequence[float]) -> Share:
    """Return the mean of one value from 0 to 1 per repetition."""
    return Share(float(np.mean(values)), float(np.std(values) / sqrt(len(values))))


def most(repetitions: int) -> float:
    """Return the nominal rate plus two standard errors of the simulation."""
    return ALPHA + 2 * sqrt(ALPHA * (1 - ALPHA) / repetitions)


def anybody_behind(rows: int, repetitions: int, seed: int) -> tuple[Share, Share]:
    """Share of tables of equal rows in which anybody is ranked behind anybody else: corrected, and each pair by itself."""
    rng = np.random.default_rng(seed)
    outcomes = [judged(scores(rng, [ACCURACY] * rows)) for _ in range(repetitions)]
    return (
        share([float(outcome.corrected.any()) for outcome in outcomes]),
        share([float(outcome.alone.any()) for outcome in outcomes]),
    )


class Power(NamedTuple):
    """What becomes of a row that is truly better than all others.

    Attributes:
        above: share of the other rows that it is ranked above.
        alone: the same, if each pair is tested by itself.
        first: share of tables in which it is ranked above all others.
        wrong: share of tables in which one of the equal others is ranked behind another.
    """

    above: Share
    alone: Share
    first: Share
    wrong: Share


def power(rows: int, repetitions: int, seed: int) -> Power:
    """Judge tables of which the first row is truly better by `GAIN`."""
    rng = np.random.default_rng(seed)
    outcomes = [judged(scores(rng, [ACCURACY + GAIN, *[ACCURACY] * (rows - 1)])) for _ in range(repetitions)]
    return Power(
        share([outcome.corrected[0, 1:].mean() for outcome in outcomes]),
        share([outcome.alone[0, 1:].mean() for outcome in outcomes]),
        share([float(outcome.corrected[0, 1:].all()) for outcome in outcomes]),
        share([float(outcome.corrected[1:, 1:].any()) for outcome in outcomes]),
    )


def taken_for_another(paper_table: PublishedTable, n: int | None = None) -> Counter[str]:
    """Return how often each verdict is given to a run that equals another row's printed cell.

    Args:
        paper_table: a table of the paper.
        n: number of questions that were asked; None for the paper's own, in which case every fifth count that a printed
            number stands for is judged.
    """
    codes: Counter[str] = Counter()
    for column in paper_table.columns:
        questions = questions_of(paper_table, column)
        asked = n or questions
        printed = {row: cell for row in paper_table.rows if (cell := paper_table.cell(row, column)) is not None}
        for taken, cell in printed.items() if asked else ():
            assert asked is not None
            for right in [round(float(cell) * asked / 100)] if n else right_answers(cell, asked)[::5]:
                low, high = (100 * float(end) for end in wilson(right / asked, asked))
                score = Score(100 * right / asked, low, high, asked)
                for row in printed.keys() - {taken}:
                    others = {name: value for name, value in printed.items() if name != row}
                    codes[verdict(printed[row], score, questions, others).code] += 1
    return codes


def _equal(repetitions: int) -> Iterator[tuple[str, ...]]:
    for rows in EQUAL_ROWS:
        corrected, alone = anybody_behind(rows, repetitions, seed=rows)
        yield str(rows), str(alone), str(corrected), f"<= {most(repetitions):.3f}"


def _verdicts() -> Iterator[tuple[str, ...]]:
    for id, n in CASES:
        codes = taken_for_another(published(id), n)
        shown = ", ".join(f"{code} {number}" for code, number in sorted(codes.items()))
        yield f"Table {id}" + (f", {n} other questions" if n else ""), str(codes["same"]), shown, "0"


def main(argv: Sequence[str] | None = None) -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.standings", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    repetitions = parser.parse_args(argv).repetitions
    result = power(POWER_ROWS, repetitions, seed=1)
    head = ("somebody behind another among equal rows", "each pair by itself", "all pairs together", "wanted")
    better = [
        ("rows that it is ranked above, of all others", str(result.alone), str(result.above), f">= {WANTED_POWER}"),
        ("ranked above all others", "", str(result.first), ""),
        ("somebody behind another among the equal rows", "", str(result.wrong), f"<= {most(repetitions):.3f}"),
    ]
    title = f"a row truly {100 * GAIN:g} points better than {POWER_ROWS - 1} equal ones"
    parts = [
        f"Simulated, {repetitions:,} repetitions, seeds: the number of rows; 1. {date.today()}, lmms_vg {__version__}, "
        f"Python {platform.python_version()}, numpy {np.__version__}.",
        table(head, _equal(repetitions)),
        table((title, "each pair by itself", "all pairs together", "wanted"), better),
        "Runs that equal a row of the paper, judged against every other row of its table:",
        table(("table", 'called "the same"', "verdicts", "wanted"), _verdicts()),
    ]
    print("\n\n".join(parts))


if __name__ == "__main__":
    main()
