"""Groups whose protocol does not weigh every question the same."""

from __future__ import annotations

from collections.abc import Sequence

from lmms_vg.paper.columns import COLUMNS, HIDDEN, WEIGHTINGS

#: The weights of such a group.
ABOUT = WEIGHTINGS[HIDDEN]


def weights(members: Sequence[str]) -> dict[str, int] | None:
    """Return task -> weight of a group's tasks, as its protocol averages them; None if every question weighs the same."""
    known = {
        task: column.weights[HIDDEN]
        for column in COLUMNS
        if HIDDEN in column.weights
        for tasks in column.tasks.values()
        for task in tasks
    }
    return {task: known[task] for task in members} if len(members) > 1 and known.keys() >= set(members) else None
