"""Parts that every kind of scoring shares: failed questions, counts, and means over answered questions.

lmms-eval gives a metric the items of all documents. An item is a dict that is written to the samples file. An item with
`error` (and `error_code`, see `_util/error_codes.py`) has no value: every mean leaves it out and `answered` counts it; it is
never scored as 0. If all questions of a task fail, its metrics have no value; this is logged, and the exit status of the
process is not 0. The other tasks keep their values and everything is saved. Raising an exception here would lose the
other tasks and answers that may have been paid for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from statistics import fmean
from typing import Any, Concatenate, ParamSpec, TypeVar

from loguru import logger

from lmms_vg import journal
from lmms_vg._util.error_codes import Failure, code_of
from lmms_vg.datasets import counts
from lmms_vg.host import failure
from lmms_vg.tasks.document_fields import AXES

Doc = dict[str, Any]
Item = dict[str, Any]

P = ParamSpec("P")
T = TypeVar("T")

#: Prefix of what lmms-eval's API models return instead of an answer: after a failed request, or when the budget is spent.
_MARK = "[LMMS_EVAL_"


def model_failure(doc: Doc, text: str) -> Failure | None:
    """Why the model gave no answer; None if it answered.

    Our models leave a record with the failure. For other models the text decides: lmms-eval's API models return the message of
    a failed request, or an empty text.
    """
    record = journal.recall(doc["task"], doc["uid"])
    if record is not None:
        return record.failure
    if text.lstrip().startswith(_MARK):
        return Failure("model", text.strip())
    no_text = "the model gave no text, which is what lmms-eval returns for a failed request"
    return None if text.strip() else Failure("model", no_text)


def failed(doc: Doc, reason: Failure | Exception, *metrics: str) -> dict[str, Any]:
    """Return the results of a document that has no value under any of `metrics`."""
    code, error = reason if isinstance(reason, Failure) else (code_of(reason), str(reason))
    item = {"error": error, "error_code": code, "task": doc["task"], "uid": doc["uid"]}
    count = counted(doc, 0)
    return {**dict.fromkeys(metrics, item), **count, "n": {**count["n"], "failed": item}}


def counted(doc: Doc, value: int) -> dict[str, Any]:
    """Return the items of `answered` and `n` for one document.

    In the samples file, `n` also states how long our model took (`seconds`), how many questions shared the batch (`batch`),
    what the first answer token says about the allowed answers (`first_token`, see `journal.first_token`), whether only a part
    of the data set was read (`partial`) and, with the first document of a task, what exactly was run (`run`), which options
    of lmms-eval change the meaning of the numbers (`host_options`), and where the time of its process went (`spent`; with
    `score` under `lmms-vg run`, see `inference.run_report.scored`).
    """
    # A dict, because lmms-eval computes a standard error for every metric whose items are numbers.
    item: Item = {"answered": value}
    if counts.deviations:
        item["partial"] = True
    record, run = journal.recall(doc["task"], doc["uid"]), dict(journal.signed(doc["task"], doc["uid"]) or {})
    if record is not None and record.error is None:
        item["seconds"] = record.seconds
        if record.batch is not None:
            item["batch"] = record.batch
        if record.first_token is not None:
            item["first_token"] = record.first_token.model_dump()
    if run:
        beside = {
            name: run.pop(name) for name in ("host_options", "spent") if name in run
        }  # no part of what bundles copy
        item |= {"run": run} | {name: value for name, value in beside.items() if value}
    return {"answered": value, "n": item}


def named(doc: Doc) -> Item:
    """Return the fields of an item that identify its question, so that samples alone are enough to break down and compare runs.

    `units` states what else than the image questions share, where a data set tells: its part, and the patient.
    """
    units = {unit: doc[unit] for unit in ("subset", "patient") if doc.get(unit)}
    about = {axis: doc[axis] for axis in (*AXES, "group") if doc.get(axis)}
    return {"uid": doc["uid"], "image": doc["image"], "about": about} | ({"units": units} if units else {})


def with_value(items: list[Item]) -> list[Item]:
    """Return the items that have a value."""
    return [item for item in items if "error" not in item]


def over_values(
    aggregate: Callable[Concatenate[list[Item], P], T],
) -> Callable[Concatenate[list[Item], P], T | None]:
    """Restrict an aggregation to the items that have a value; None if no item has one."""

    @wraps(aggregate)
    def aggregate_values(items: list[Item], /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        valued = with_value(items)
        return aggregate(valued, *args, **kwargs) if valued else None

    return aggregate_values


@over_values
def mean_score(items: list[Item]) -> float:
    """Mean score over the questions that were answered; None if no question has a value."""
    return fmean(item["score"] for item in items)


def answered(items: list[int]) -> float:
    """Share of the questions that have a value."""
    return fmean(items)


def n(items: list[Item]) -> int:
    """Return the number of questions that have a value, the n of every mean.

    The other questions are logged here, because every task has this metric.
    """
    failures = [item["failed"] for item in items if "failed" in item]
    if failures:
        first = failures[0]
        share = f"{len(failures)} of {len(items)} questions"
        message = f"{first['task']}: {share} got no value, first {first['uid']}: {first['error']}"
        if len(failures) < len(items):
            logger.warning(f"lmms_vg: {message}. They are left out of every mean, and counted by 'answered'")
        else:
            failure.note(f"{message}. The task has no value; all else is saved")
    return sum(item["answered"] for item in items)
