"""What every kind of scoring shares: failed questions, counts, and means over what was answered.

lmms-eval hands a metric the items of all documents. An item is a dict that the samples file shows; one with ``error``, and
with it ``error_code`` (``_util/error_codes.py``), has no value: it is left out of every mean and counted by ``answered``,
never scored as 0. Where all questions of a task failed, its metrics have no value either, which is said and makes the status
of the process another than 0; the other tasks of the run keep theirs, and all is saved. An exception here would lose them,
and the answers they were paid for.
"""

from collections.abc import Callable
from functools import wraps
from statistics import fmean
from typing import Any, Concatenate, ParamSpec, TypeVar

from loguru import logger

from lmms_vg import journal
from lmms_vg._util.error_codes import Failure, code_of
from lmms_vg.datasets import counts
from lmms_vg.host import failure
from lmms_vg.tasks.documents import AXES

Doc = dict[str, Any]
Item = dict[str, Any]

P = ParamSpec("P")
T = TypeVar("T")

_MARK = "[LMMS_EVAL_"
"""So begins what lmms-eval's API models hand on instead of an answer: a failed request's message, or a budget's end."""


def model_failure(doc: Doc, text: str) -> Failure | None:
    """What kept the model from answering; None where it answered.

    Our models leave a record, which says so. Of others the text says it: API models of lmms-eval hand on a failed request
    as its message, or as no text at all.
    """
    record = journal.recall(doc["task"], doc["uid"])
    if record is not None:
        return record.failure
    if text.lstrip().startswith(_MARK):
        return Failure("model", text.strip())
    no_text = "the model gave no text, which is how lmms-eval hands on requests that failed"
    return None if text.strip() else Failure("model", no_text)


def failed(doc: Doc, reason: Failure | Exception, *metrics: str) -> dict[str, Any]:
    """The results of a document that has no value under any of ``metrics``."""
    code, error = reason if isinstance(reason, Failure) else (code_of(reason), str(reason))
    item = {"error": error, "error_code": code, "task": doc["task"], "uid": doc["uid"]}
    count = counted(doc, 0)
    return {**dict.fromkeys(metrics, item), **count, "n": {**count["n"], "failed": item}}


def counted(doc: Doc, value: int) -> dict[str, Any]:
    """The items of ``answered`` and ``n`` for one document.

    The samples file then says in ``n`` how long our model took for its answer (``seconds``), whether the data set was read
    in part only (``partial``), and with the first document of a task what exactly was run (``run``), under which options of
    lmms-eval that numbers have to be read with (``host_options``).
    """
    item: Item = {
        "answered": value
    }  # wrapped: lmms-eval gives a standard error to every metric whose items are numbers
    if counts.deviations:
        item["partial"] = True
    record, run = journal.recall(doc["task"], doc["uid"]), dict(journal.signed(doc["task"], doc["uid"]) or {})
    if record is not None and record.error is None:
        item["seconds"] = record.seconds
    if run:
        options = run.pop("host_options", None)
        item |= {"run": run} | ({"host_options": options} if options else {})
    return {"answered": value, "n": item}


def named(doc: Doc) -> Item:
    """What an item says about its question, so that a run can be broken down and compared from its samples alone."""
    return {"uid": doc["uid"], "image": doc["image"], "about": {axis: doc[axis] for axis in AXES if doc[axis]}}


def with_value(items: list[Item]) -> list[Item]:
    """The items that have a value."""
    return [item for item in items if "error" not in item]


def over_values(
    aggregate: Callable[Concatenate[list[Item], P], T],
) -> Callable[Concatenate[list[Item], P], T | None]:
    """An aggregation over the items that have a value; None where none has one."""

    @wraps(aggregate)
    def aggregate_values(items: list[Item], /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        good = with_value(items)
        return aggregate(good, *args, **kwargs) if good else None

    return aggregate_values


@over_values
def mean_score(items: list[Item]) -> float:
    """Mean score over the questions that were answered; None if no question has a value."""
    return fmean(item["score"] for item in items)


def answered(items: list[int]) -> float:
    """Share of the questions that have a value."""
    return fmean(items)


def n(items: list[Item]) -> int:
    """Number of questions that have a value: the n of every mean. Says which have none, as every task has this metric."""
    failures = [item["failed"] for item in items if "failed" in item]
    if failures:
        first = failures[0]
        share = f"{len(failures)} of {len(items)} questions"
        said = f"{first['task']}: {share} got no value, first {first['uid']}: {first['error']}"
        if len(failures) < len(items):
            logger.warning(f"lmms_vg: {said}. They are left out of every mean, and counted by 'answered'")
        else:
            failure.note(f"{said}. The task has no value; all else is saved")
    return sum(item["answered"] for item in items)
