"""A run's preference among the allowed answers, and its change between two runs, from the first answer token's values.

It stands beside the accuracy of the generated answers and never replaces it: that is what a user gets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import isnan, nan
from operator import mul
from statistics import fmean
from typing import Literal, NamedTuple

from lmms_vg.journal import NoValue
from lmms_vg.metrics.forced_choice import (
    Preference,
    auc,
    auc_shift,
    calibration_error,
    correct_at_rate,
    preference,
)
from lmms_vg.metrics.statistics import Difference, Interval, cluster_interval, paired
from lmms_vg.metrics.statistics.label_swaps import Shift
from lmms_vg.metrics.statistics.weighted_interval import weighted_interval
from lmms_vg.metrics.text import normalise
from lmms_vg.runs.results import TaskRun
from lmms_vg.runs.saying import LEVEL
from lmms_vg.tasks.closed_sets import YES_NO, place_of

#: Why a question has no value: a code of `journal.NO_VALUE`, or nothing was recorded (older journals, other models).
Missing = NoValue | Literal["not_recorded"]


class Forced(NamedTuple):
    """The preference of one run on a task or group.

    Attributes:
        n: number of questions with values.
        mass: mean probability of the allowed answers together; NaN, as all that follows, if no question has values.
        accuracy: share of the questions whose right answer has the highest probability; ties are shared.
        interval: its 95% interval, from whole images, drawn within each task of a weighted group; NaN for a single image.
        auc: of log p(yes) - log p(no) over the yes/no questions; NaN if there are none, if all references are the same, or,
            as `calibration_error`, in a weighted group.
        brier: mean Brier score, halved: 0 is perfect.
        log_score: mean -ln p of the right answer, in nats: 0 is perfect.
        calibration_error: mean distance of confidence and accuracy over all questions.
        missing: code -> number of questions without values.
    """

    n: int
    mass: float
    accuracy: float
    interval: Interval
    auc: float
    brier: float
    log_score: float
    calibration_error: float
    missing: dict[Missing, int]


class ForcedChange(NamedTuple):
    """Changes between two runs on the questions of which both have values.

    Attributes:
        n: number of these questions.
        accuracy: of forced choice.
        holm: the p-value of `accuracy`, corrected for the number of comparisons.
        auc: None without yes/no questions, or if their references are all the same; likewise `at_rate`.
        at_rate: accuracy on the yes/no questions if both runs say yes as often as the first prefers it.
        brier: below 0 is better.
        log_score: below 0 is better.
    """

    n: int
    accuracy: Difference
    holm: float
    auc: Shift | None
    at_rate: Difference | None
    brier: Difference
    log_score: Difference


class _Weighed(NamedTuple):
    """A question of `task` with values; `margin` is log p(yes) - log p(no), None unless these are the allowed answers."""

    task: str
    judged: Preference
    mass: float
    image: str
    choices: frozenset[str]
    margin: float | None
    is_yes: bool


def forced(parts: Sequence[TaskRun], weights: Mapping[str, int] | None = None) -> Forced | None:
    """Describe a run on the tasks of a line; None for open questions.

    Args:
        parts: the tasks.
        weights: task -> weight, as its group's protocol averages them; None if every question weighs the same. The means
            are then those over tasks, of which each must have values.
    """
    if any(part.metric != "acc" or not part.scores for part in parts):
        return None
    weighed, missing = _weighed(parts)
    if not weighed or (weights and not _covers(weights, weighed.values())):
        return Forced(0, nan, nan, Interval(nan, nan), nan, nan, nan, nan, missing)
    entries = list(weighed.values())
    correct = [entry.judged.correct for entry in entries]
    yes_no = [] if weights else [entry for entry in entries if entry.margin is not None]
    shares = _shares(weights, entries) if weights else []

    def mean(values: Sequence[float]) -> float:
        return sum(map(mul, shares, values)) if weights else fmean(values)

    return Forced(
        len(entries),
        mean([entry.mass for entry in entries]),
        mean(correct),
        _interval(entries, weights),
        auc([entry.margin or 0.0 for entry in yes_no], [entry.is_yes for entry in yes_no]) if yes_no else nan,
        mean([entry.judged.brier for entry in entries]),
        mean([entry.judged.log_score for entry in entries]),
        nan if weights else calibration_error([entry.judged.confidence for entry in entries], correct),
        missing,
    )


def forced_change(
    before: Sequence[TaskRun],
    after: Sequence[TaskRun],
    clusters: Mapping[str, str],
    family: int = 1,
    weights: Mapping[str, int] | None = None,
) -> ForcedChange | None:
    """Describe what changed; None if no question has values in both runs, or a weighted group's task has none.

    Args:
        before: tasks of the first run, restricted to the questions of both.
        after: the same tasks of the second.
        clusters: task and uid -> the unit that is drawn.
        family: number of comparisons that p-values are corrected for.
        weights: task -> weight, as in `forced`; AUC and accuracy at one yes-rate are then left out.
    """
    a, b = _weighed(before)[0], _weighed(after)[0]
    both = [key for key in a if key in b and a[key].choices == b[key].choices]
    if not both or (weights and not _covers(weights, [a[key] for key in both])):
        return None
    tasks = {key: a[key].task for key in both} if weights else None

    def change(field: Literal["correct", "brier", "log_score"]) -> Difference:
        first, second = ({key: getattr(run[key].judged, field) for key in both} for run in (a, b))
        return paired(first, second, clusters, parts=tasks, weights=weights, family=family)

    yes_no = [] if weights else [key for key in both if a[key].margin is not None]
    truth = [a[key].is_yes for key in yes_no]
    shift = at_rate = None
    if yes_no and any(truth) and not all(truth):
        margins_a, margins_b = ([run[key].margin or 0.0 for key in yes_no] for run in (a, b))
        shift = auc_shift(margins_a, margins_b, truth, [clusters[key] for key in yes_no])
        rate = fmean((margin > 0) + (margin == 0) / 2 for margin in margins_a)
        first, second = (
            dict(zip(yes_no, correct_at_rate(margins, truth, rate), strict=True)) for margins in (margins_a, margins_b)
        )
        at_rate = paired(first, second, clusters, family=family)
    return ForcedChange(len(both), change("correct"), 1.0, shift, at_rate, change("brier"), change("log_score"))


def is_not_shown(difference: float, p: float, change: ForcedChange) -> bool:
    """Return whether a significant difference of the generated answers does not show in what the run prefers."""
    shown = change.holm < LEVEL and change.accuracy.mean * difference > 0
    return not isnan(p) and p < LEVEL and not shown


def _weighed(parts: Sequence[TaskRun]) -> tuple[dict[str, _Weighed], dict[Missing, int]]:
    """Questions with values, by task and uid; and how many have none, by reason."""
    results: dict[str, _Weighed] = {}
    missing: Counter[Missing] = Counter()
    for part in parts:
        for uid in part.scores:
            reference = part.asked[uid].reference if uid in part.asked else ""
            first = part.first_tokens.get(uid)
            if first is None:
                missing["not_recorded" if _is_closed(reference) else "open_set"] += 1
            elif first.no_value is not None:
                missing[first.no_value] += 1
            elif (right := place_of(reference, tuple(first.log_p))) is None:
                missing["open_set"] += 1
            else:
                log_p, choices = first.log_p, frozenset(first.log_p)
                margin = log_p["yes"] - log_p["no"] if choices == {*YES_NO} else None
                judged = preference(list(log_p.values()), right)
                is_yes = margin is not None and list(log_p)[right] == "yes"
                results[f"{part.task} {uid}"] = _Weighed(
                    part.task, judged, first.mass or 0.0, part.images[uid], choices, margin, is_yes
                )
    return results, dict(missing)


def _covers(weights: Mapping[str, int], entries: Iterable[_Weighed]) -> bool:
    """Return whether every task of a weighted group has questions with values; without one the group has no mean."""
    return {entry.task for entry in entries} >= weights.keys()


def _interval(entries: Sequence[_Weighed], weights: Mapping[str, int] | None) -> Interval:
    """Return the interval of forced choice, as the accuracy of the generated answers has it."""
    if not weights:
        return cluster_interval([entry.judged.correct for entry in entries], [entry.image for entry in entries])
    of_task: dict[str, tuple[list[float], list[str]]] = {task: ([], []) for task in weights}
    for entry in entries:
        scores, images = of_task[entry.task]
        scores.append(entry.judged.correct)
        images.append(entry.image)
    return weighted_interval(of_task, weights)


def _shares(weights: Mapping[str, int], entries: Sequence[_Weighed]) -> list[float]:
    """Return the weight of each question in the mean of its group."""
    counts = Counter(entry.task for entry in entries)
    return [weights[entry.task] / counts[entry.task] / sum(weights.values()) for entry in entries]


def _is_closed(reference: str) -> bool:
    """Return whether a reference answer is one of a closed set: yes, no or a letter."""
    text = reference.strip()
    return normalise(text) in YES_NO or (len(text) == 1 and text.isascii() and text.isupper())
