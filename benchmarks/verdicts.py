"""Simulated: how often the verdicts of `compare` are wrong where the truth is known (docs/statistics.md).

    python -m benchmarks.verdicts                       # 1,000 repetitions of each, seed 0: minutes on one core
    python -m benchmarks.verdicts --repetitions 100     # the same, less exactly

"At most" means the nominal rate plus two standard errors of the simulation, and "at least" the rate less two. Data are drawn
from models that are easy to state, so that the truth is known; real answers may break them in ways that these do not.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Iterator
from datetime import date

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Ratio, table
from benchmarks.seeds_and_weights import repeated_settings, weighted_coverage
from benchmarks.verdict_row import Row
from benchmarks.yes_no_runs import Bools, run_of, runs_with_everything
from lmms_vg import __version__
from lmms_vg.metrics.forced_choice import auc_shift
from lmms_vg.metrics.signal_detection import detection_shift
from lmms_vg.metrics.statistics import cluster_interval, equal_within, holm, paired, sign_flips
from lmms_vg.runs.compare import compare
from lmms_vg.runs.compared_line import against, corrected, line_of

#: Seconds that a comparison of 500 answers by 12 methods may take, with all its tables.
SECONDS = 20.0


def shared_images(rng: np.random.Generator, images: int, per_image: int) -> Bools:
    """Right or not, (images, questions): images are hard or easy, so that their questions are alike."""
    return rng.random((images, per_image)) < rng.beta(1, 1, (images, 1))


def type_one(images: int, repetitions: int, seed: int) -> Row:
    """Two equally good runs on ten questions per image; each run finds other images easy."""
    rng = np.random.default_rng(seed)
    alarms = sum(
        sign_flips((shared_images(rng, images, 10).sum(1) - shared_images(rng, images, 10).sum(1)).astype(float)).p
        < 0.05
        for _ in range(repetitions)
    )
    return Row(
        f"p < .05 for equal runs, {images} images of 10 questions", alarms / repetitions, 0.05, False, repetitions
    )


def type_one_of_seeing(images: int, repetitions: int, seed: int) -> tuple[Row, Row, Row]:
    """d', criterion and AUC of two equally good runs, ten yes/no questions per image.

    Each run sees each image with a d' (mean 1, standard deviation .7) and a criterion (0, .5) of its own. Below ten images
    that differ there is no p-value, hence no alarm.
    """
    rng = np.random.default_rng(seed)
    alarms = np.zeros(3)
    places = np.repeat(np.arange(images), 10).tolist()
    for _ in range(repetitions):
        truth = rng.random((images, 10)) < 0.5
        a, b = (
            ((truth - 0.5) * rng.normal(1, 0.7, (images, 1)) - rng.normal(0, 0.5, (images, 1)) + noise).ravel()
            for noise in rng.normal(size=(2, images, 10))
        )
        shifts = detection_shift((a > 0).tolist(), (b > 0).tolist(), truth.ravel().tolist(), places, resamples=2)
        ordered = auc_shift(a.tolist(), b.tolist(), truth.ravel().tolist(), places, resamples=2)
        assert shifts is not None
        assert ordered is not None
        alarms += [shift.p < 0.05 for shift in (shifts.d_prime, shifts.criterion, ordered)]
    first, second, third = (
        Row(
            f"{name}: p < .05 for equal runs, {images} images of 10",
            float(count) / repetitions,
            0.05,
            False,
            repetitions,
        )
        for name, count in zip(("d'", "criterion", "AUC"), alarms, strict=True)
    )
    return first, second, third


def coverage(truth: float, n: int, repetitions: int, seed: int) -> Row:
    """Share of the intervals that hold the true share, questions on images of their own."""
    rng = np.random.default_rng(seed)
    covered = 0
    for _ in range(repetitions):
        low, high = cluster_interval((rng.random(n) < truth).astype(float).tolist(), range(n))
        covered += low <= truth <= high
    return Row(f"interval covers p = {truth}, n = {n}", covered / repetitions, 0.93, True, repetitions)


def direct(repetitions: int, seed: int) -> Row:
    """Method and control are both truly 1.8 points above plain; the direct test of the two."""
    rng = np.random.default_rng(seed)
    alarms = 0
    for _ in range(repetitions):
        runs = (gain_of(rng, 0.018, 300, 4) for _ in range(2))
        method, control = (run.sum(1).astype(float) for run in runs)
        alarms += sign_flips(method - control).p < 0.05
    return Row("method - control, both equally above plain: p < .05", alarms / repetitions, 0.05, False, repetitions)


def indirect(repetitions: int, seed: int) -> Row:
    """The same runs: exactly one of the two is significant against plain, which is read as a difference between them."""
    rng = np.random.default_rng(seed)
    alarms = 0
    for _ in range(repetitions):
        p = {name: sign_flips(gain_of(rng, 0.018, 300, 4).sum(1).astype(float)).p for name in ("method", "control")}
        alarms += sum(value < 0.05 for value in holm(p).values()) == 1
    return Row("(for comparison) exactly one of the two significant", alarms / repetitions, 1.0, False, repetitions)


def gain_of(rng: np.random.Generator, gain: float, images: int, per_image: int) -> NDArray[np.int64]:
    """Differences from plain: one answer in ten changes, to the better a little more often."""
    draws = rng.random((images, per_image))
    better, worse = draws < 0.05 + gain / 2, draws > 0.95 + gain / 2
    return better.astype(np.int64) - worse.astype(np.int64)


def blind(repetitions: int, seed: int) -> tuple[Row, Row]:
    """Two runs that see nothing and say yes to half and to four fifths, where yes is right for two of three questions."""
    rng = np.random.default_rng(seed)
    seeing = better = 0
    for _ in range(repetitions):
        truth = rng.random(400) < 0.67
        runs = [run_of(rng.random(400) < rate, truth, 4, name) for rate, name in ((0.5, "a"), (0.8, "b"))]
        before, after = (run.tasks["t"] for run in runs)
        line = line_of(runs[1], "t", [after], None)._replace(against=against([before], [after], None, "image", 1))
        (tested,) = corrected([line], 1)
        assert tested.against is not None
        better += tested.against.holm < 0.05 and tested.against.difference.mean > 0
        seeing += tested.against.source == "seeing"
    return (
        Row("blind, yes-rate .5 -> .8: said to see better", seeing / repetitions, 0.05, False, repetitions),
        Row("(for comparison) blind, yes-rate .5 -> .8: p < .05", better / repetitions, 1.0, False, repetitions),
    )


def winner(repetitions: int, seed: int) -> Row:
    """The best of 14 settings that are all equal to plain, compared alone and corrected for the 14."""
    rng = np.random.default_rng(seed)
    alarms = 0
    for _ in range(repetitions):
        settings = [gain_of(rng, 0.0, 300, 4).sum(1).astype(float) for _ in range(14)]
        best = max(settings, key=lambda sums: float(sums.sum()))
        alarms += holm({"best": sign_flips(best, family=14).p}, family=14)["best"] < 0.05
    return Row("winner of 14 equal settings, corrected for 14: p < .05", alarms / repetitions, 0.05, False, repetitions)


def margin(repetitions: int, seed: int) -> Row:
    """Runs that truly differ by the margin of one point are called equal within it."""
    rng = np.random.default_rng(seed)
    called = 0
    for _ in range(repetitions):
        b = dict(enumerate(gain_of(rng, 0.01, 750, 4).ravel().astype(float).tolist()))
        images = {number: number // 4 for number in b}
        called += equal_within(paired(dict.fromkeys(b, 0.0), b, images, resamples=2), 0.01) == "yes"
    return Row("a true difference of 1 point called equal within 1", called / repetitions, 0.05, False, repetitions)


def simulations(repetitions: int, seed: int) -> Iterator[Row]:
    """All simulations, in the order of the table."""
    for images in (2, 5, 10):
        yield type_one(images, repetitions, seed)
    for images in (5, 10, 15, 30, 100):
        yield from type_one_of_seeing(images, repetitions, seed)
    yield coverage(0.99, 30, repetitions, seed)
    yield coverage(0.997, 300, repetitions, seed)
    for wrong in ((0.01,) * 5, (0.003,) * 5, (0.0, 0.0, 0.0, 0.0, 0.05)):
        yield weighted_coverage(wrong, repetitions, seed)
    for runs, spread in ((2, 0.0), (3, 0.03), (5, 0.03), (5, 0.1)):
        yield from repeated_settings(runs, spread, repetitions, seed)
    yield direct(repetitions, seed)
    yield indirect(repetitions, seed)
    yield from blind(repetitions, seed)
    yield winner(repetitions, seed)
    yield margin(repetitions, seed)


def seconds_of_comparison(questions: int = 500, methods: int = 12) -> float:
    """Seconds of a whole comparison with its tables, of runs in memory."""
    runs = runs_with_everything(questions, methods)
    return _timed(lambda: compare(runs).table())


def _held(row: Row) -> str:
    return "yes" if row.holds else "**no**"


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(f"{date.today()}, lmms_vg {__version__}, Python {platform.python_version()}, seed {args.seed}.\n", flush=True)
    rows = [
        (row.name, f"{row.rate:.3f}", f"{'at least' if row.at_least else 'at most'} {row.limit:g}", _held(row))
        for row in simulations(args.repetitions, args.seed)
    ]
    print(table(("", f"share of {args.repetitions:,}", "allowed", "holds"), rows))
    timed = Ratio("500 answers x 12 methods compared, with all tables", seconds_of_comparison(), SECONDS)
    print(f"\n{table(('seconds', 'measured', 'wanted', 'verdict'), [timed.row()])}")


if __name__ == "__main__":
    main()
