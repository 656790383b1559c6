"""The values that the questions of a task lack, in words."""

from __future__ import annotations

from typing import NamedTuple

from lmms_vg.metrics.donors import FEWEST


class Missing(NamedTuple):
    """A sentence on what a study lacks.

    Attributes:
        text: the sentence, without its run.
        path: the run; empty if the sentence is about no run.
        name: model and method of the run, by which pages name it: the folders of a machine are nobody's business.
    """

    text: str
    path: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text

    @property
    def on_a_page(self) -> str:
        """The sentence for others."""
        return f"{self.name}: {self.text}" if self.name else self.text


def shortfall(where: str, asked: int, kept: int, judged: int, *, kept_at_all: bool) -> list[str]:
    """Say which questions have no maps, and which have no excess.

    Args:
        where: the task, and the rows if they are further ones.
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
