"""Under whose protocol a task's numbers stand, and that a submission has only one."""

from __future__ import annotations

from collections.abc import Collection
from typing import get_args

from lmms_vg.submission.findings import rejected
from lmms_vg.submission.schema import Protocol
from lmms_vg.tasks.registry import READERS

_EITHER = ("pmc_vqa", "omnimedvqa_", "mmmu_med_", "pathvqa_")
"""The paper asks the test splits of these, so they stand under either of its two selections."""


def protocols_of(task: str) -> frozenset[Protocol]:
    """Those that a task may stand under: all for measurements, two for sets that the paper's selections have in common."""
    stated = READERS[task].protocol
    if stated == "vgmed":
        return frozenset(get_args(Protocol))
    if stated == "chen":
        return frozenset({"chen"})
    if stated == "chen-greedy":
        return frozenset({"chen-greedy"})
    if task.startswith(_EITHER) and not task.startswith("pathvqa_test_"):
        return frozenset({"vgrefine", "test"})
    return frozenset({"test"}) if "_test_" in task else frozenset({"vgrefine"})


def only_protocol(tasks: Collection[str], stated: Protocol | None = None) -> Protocol | None:
    """The protocol of a submission; None if it holds measurements only.

    Where its tasks may stand under several it is the ``stated`` one, or the paper's. Errors: Rejected (``protocol``) for
    tasks of several.
    """
    allowed = {task: protocols_of(task) for task in sorted(tasks)}
    common = frozenset(get_args(Protocol)).intersection(*allowed.values())
    if not common:
        named = ", ".join(f"{task} is of {' or '.join(sorted(of))}" for task, of in allowed.items() if len(of) < 4)
        raise rejected("protocol", "tasks", f"{named}; choose with --protocol NAME, or --tasks NAME,...")
    if all(READERS[task].protocol == "vgmed" for task in tasks):
        return None
    if stated in common:
        return stated
    return "vgrefine" if "vgrefine" in common else next(iter(common))
