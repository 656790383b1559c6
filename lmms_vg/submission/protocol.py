"""Under whose protocol a task's numbers stand, and that a submission has only one."""

from __future__ import annotations

from collections.abc import Collection

from lmms_vg.submission.findings import rejected
from lmms_vg.submission.schema import Protocol
from lmms_vg.tasks.readers import READERS

_EITHER = ("pmc_vqa", "omnimedvqa_", "mmmu_med_", "pathvqa_")
"""The paper asks the test splits of these, so they stand under either of its two selections."""


def protocol_of(task: str) -> Protocol | None:
    """None for measurements, and for sets that are the same under the paper's selection and on the official test splits."""
    stated = READERS[task].protocol
    if stated == "chen":
        return "chen"
    if stated == "chen-greedy":
        return "chen-greedy"
    if "_test_" in task:
        return "test"
    return None if stated == "vgmed" or task.startswith(_EITHER) else "vgrefine"


def only_protocol(tasks: Collection[str]) -> Protocol | None:
    """The protocol of a submission; None if it holds measurements only.

    Errors: Rejected (``protocol``) for tasks of several.
    """
    found = {protocol: task for task in sorted(tasks) if (protocol := protocol_of(task)) is not None}
    if len(found) > 1:
        named = ", ".join(f"{task} is of {protocol}" for protocol, task in sorted(found.items()))
        raise rejected("protocol", "tasks", f"{named}; make a bundle of the runs of each")
    if found:
        return next(iter(found))
    return None if all(READERS[task].protocol == "vgmed" for task in tasks) else "vgrefine"
