"""Score an answer and measure where the model looked while it gave it, for questions with an answer and a place.

A question counts with both or with neither, so that every number of such a task is about the same questions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from lmms_vg._util.error_codes import Failure
from lmms_vg.tasks import scoring_closed, scoring_grounding, scoring_open
from lmms_vg.tasks.metric_items import Doc, failed

Score = Callable[[Doc, list[str]], dict[str, Any]]

_COUNTS = ("answered", "n")


def results(score: Score, metric: str, doc: Doc, texts: list[str]) -> dict[str, Any]:
    """Return the metrics of one answer and of the attention behind it; no values if one of the two has none.

    Args:
        score: scores the answer.
        metric: a metric of `score`, whose item says whether the question has a value.
        doc: the document.
        texts: the answer.
    """
    answer, look = score(doc, texts), scoring_grounding.results(doc, texts)
    metrics = [name for name in (*answer, *look) if name not in _COUNTS]
    for item in (answer[metric], look["kl"]):
        if "error" in item:
            return failed(doc, Failure(item["error_code"], item["error"]), *metrics)
    return look | answer


closed_results = partial(results, scoring_closed.closed_results, "acc")
choice_results = partial(results, scoring_closed.choice_results, "acc")
yes_no_results = partial(results, scoring_closed.yes_no_results, "acc")
open_results = partial(results, scoring_open.results, "open_recall")
