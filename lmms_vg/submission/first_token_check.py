"""The first-token values of a bundle: whether they are of the answers that each question allows.

Nobody can compute them again without the model. Sign, size and sum are checked where they are read (`journal.first_token`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lmms_vg.submission.findings import Finding
from lmms_vg.submission.question_check import document
from lmms_vg.submission.rescoring import Pair
from lmms_vg.tasks.closed_sets import closed_set


def first_token_findings(task: str, pairs: Iterable[Pair], *, declared: bool) -> Iterator[Finding]:
    """Yield a finding for every answer whose values are not of its question's closed set.

    Args:
        task: the task.
        pairs: its questions and answers.
        declared: whether the model is not of lmms_vg; it has no such values then.
    """
    for question, answer in pairs:
        if answer.first_token is None:
            continue
        where, allowed = f"{task} {answer.uid}", closed_set(document(task, question))
        given = tuple(sorted(answer.first_token.log_p))
        if declared:
            yield Finding("first-token", where, "has first-token values, but its model is not of lmms_vg")
        elif given and given != tuple(sorted(allowed)):
            shown = ", ".join(allowed) or "no closed set"
            yield Finding("first-token", where, f"has values of {', '.join(given)[:100]}; allowed is {shown}")
