"""McNemar's exact test, which papers report although questions about one image are not independent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lmms_vg.metrics.statistics.clusters import Uid, same_questions
from lmms_vg.metrics.statistics.distributions import sign_test


class McNemar(NamedTuple):
    """Numbers of questions right in `a` only and in `b` only, and the two-sided p-value for no difference."""

    only_a: int
    only_b: int
    p: float


def mcnemar(a: Mapping[Uid, float], b: Mapping[Uid, float]) -> McNemar:
    """Exact two-sided McNemar test of two runs, uid -> 0 or 1: the runs' disagreements against Binomial(n, 1/2).

    It assumes independent questions, which questions about one image are not; `paired` does not assume it.

    Raises:
        ValueError: the runs have different questions, or a score is neither 0 nor 1.

    >>> mcnemar({"q1": 1, "q2": 0, "q3": 0}, {"q1": 1, "q2": 1, "q3": 1})
    McNemar(only_a=0, only_b=2, p=0.5)
    """
    uids = same_questions(a, b)
    for run in (a, b):
        for uid in uids:
            if run[uid] not in (0, 1):
                raise ValueError(f"{uid}: score {run[uid]!r}: allowed in McNemar's test is 0 or 1")
    only_a, only_b = sum(a[uid] > b[uid] for uid in uids), sum(b[uid] > a[uid] for uid in uids)
    # Runs that agree on all questions have no trials, and show no difference.
    p = sign_test(only_a, only_a + only_b) if only_a + only_b else 1.0
    return McNemar(only_a, only_b, p)
