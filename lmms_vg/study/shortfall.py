"""The values that the questions of a task lack, in words."""

from __future__ import annotations

from lmms_vg.metrics.donors import FEWEST


def shortfall(where: str, asked: int, kept: int, judged: int, *, kept_at_all: bool) -> list[str]:
    """Say which questions have no maps, and which have no excess.

    Args:
        where: run and task.
        asked: number of questions with values.
        kept: those with maps.
        judged: those with an excess.
        kept_at_all: whether the journal is on this machine; where it is not, that is said of the whole run.
    """
    if not asked:
        return [f"{where}: no question with a name and with values; run it again with this version"]
    notes = []
    if kept_at_all and kept < asked:
        notes.append(
            f"{where}: {asked - kept} of {asked} questions have no maps in the journal, so they have no excess and no "
            "placement; an earlier version wrote them, or the maps were not moved with it"
        )
    if judged < kept:
        notes.append(
            f"{where}: {kept - judged} of {asked} questions have no excess: it needs {FEWEST} other images on the same grid "
            "with the same padding"
        )
    return notes
