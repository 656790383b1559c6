"""What every kind of scoring shares: failed questions, counts, and means over what was answered.

lmms-eval hands a metric the items of all documents. An item is a dict that the samples file shows; one with ``error``
has no value: it is left out of every mean and counted by ``answered``, never scored as 0. Where all questions failed
there is nothing to report and the run ends with SystemExit: of any other exception here lmms-eval makes a log line and
exit status 0.
"""

from statistics import fmean
from typing import Any

from lmms_vg import journal
from lmms_vg.datasets import counts
from lmms_vg.tasks.docs import AXES

Doc = dict[str, Any]
Item = dict[str, Any]


def model_error(doc: Doc) -> str | None:
    """What kept our model from answering; None where it answered, and for models that leave no record."""
    record = journal.recall(doc["task"], doc["uid"])
    return None if record is None else record.error


def failed(doc: Doc, error: str, *metrics: str) -> dict[str, Any]:
    """The results of a document that has no value under any of ``metrics``."""
    item = {"error": error, "task": doc["task"], "uid": doc["uid"]}
    return {**dict.fromkeys(metrics, item), **counted(doc, 0)}


def counted(doc: Doc, value: int) -> dict[str, Any]:
    """The items of ``answered`` and ``n`` for one document.

    The samples file then says in ``n`` how long our model took for its answer (``seconds``), whether the data set was read
    in part only (``partial``), and with the first document of a task what exactly was run (``run``).
    """
    item: Item = {
        "answered": value
    }  # wrapped: lmms-eval gives a standard error to every metric whose items are numbers
    if counts.deviations:
        item["partial"] = True
    record, run = journal.recall(doc["task"], doc["uid"]), journal.signed(doc["task"], doc["uid"])
    if record is not None and record.error is None:
        item["seconds"] = record.seconds
    if run is not None:
        item["run"] = run
    return {"answered": value, "n": item}


def named(doc: Doc) -> Item:
    """What an item says about its question, so that a run can be broken down and compared from its samples alone."""
    return {"uid": doc["uid"], "image": doc["image"], "about": {axis: doc[axis] for axis in AXES if doc[axis]}}


def with_value(items: list[Item]) -> list[Item]:
    """The items that have a value. Errors: SystemExit if there is none."""
    good = [item for item in items if "error" not in item]
    if not good:
        first = items[0]
        raise SystemExit(
            f"{first['task']}: none of the {len(items)} questions got a value, so there is nothing to average. "
            f"The first, {first['uid']}: {first['error']}"
        )
    return good


def mean_score(items: list[Item]) -> float:
    """Mean score over the questions that were answered. Errors: SystemExit if no question has a value."""
    return fmean(item["score"] for item in with_value(items))


def answered(items: list[int]) -> float:
    """Share of the questions that have a value."""
    return fmean(items)


def n(items: list[Item]) -> int:
    """Number of questions that have a value: the n of every mean."""
    return sum(item["answered"] for item in items)
