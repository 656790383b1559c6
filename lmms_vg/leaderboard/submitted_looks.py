"""Attention of submissions on the pages, read from their bundles: values per layer, curves and pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from lmms_vg.leaderboard.answer_explorer import withheld
from lmms_vg.leaderboard.layer_curves import LayerCurve, curves
from lmms_vg.leaderboard.layer_looks import LayerLooks, layer_looks
from lmms_vg.leaderboard.map_pictures import RULE, LookedRun, map_pictures
from lmms_vg.submission.validated import Entry

_KEPT = 16  # tasks of submissions in memory: 100 MB for 14,000 questions and 28 layers


class PlacedPicture(NamedTuple):
    """A picture beside a submission's page; `file` is its name there."""

    file: str
    data: bytes
    caption: str
    about: str


class ShownLooks(NamedTuple):
    """A task of a submission's page.

    Attributes:
        curves: over the layers.
        plain: id of the plain run that is drawn beside it; empty without one.
        recomputed: whether the values were computed again from the bundle's maps.
        pictures: of three questions, if maps are carried and images may be shown.
        rule: how they were drawn.
    """

    task: str
    curves: list[LayerCurve]
    plain: str
    recomputed: bool
    pictures: list[PlacedPicture]
    rule: str


class SubmittedLooks:
    """Reads where submissions looked, the latest ones once.

    Args:
        bundles: id of a submission -> its bundle.
    """

    def __init__(self, bundles: Mapping[str, Path]) -> None:
        self._bundles = bundles
        self._tasks: dict[tuple[str, str], Entry] = {}
        self._kept = lru_cache(_KEPT)(self._read)

    def read(self, entry: Entry, task: str) -> LayerLooks | None:
        """Return where a submission looked in a task; None if it measured nothing there."""
        self._tasks[entry.id, task] = entry
        return self._kept(entry.id, task)

    def shown(self, entry: Entry, plain: Mapping[str, Entry], names: Collection[str]) -> Iterator[ShownLooks]:
        """Yield what a submission's page shows of each measured task.

        Args:
            entry: the submission.
            plain: task -> its plain run.
            names: data sets that are withheld, whose images are not shown.
        """
        for task, scores in sorted(entry.scores.items()):
            own = self.read(entry, task) if scores.metric == "ar" else None
            if own is None:
                continue
            run = plain.get(task)
            before = None if run is None else self.read(run, task)
            base = None if run is None or before is None else LookedRun("plain", self._bundles[run.id], before)
            looked = LookedRun(entry.method, self._bundles[entry.id], own)
            pictures = [] if withheld(task, names) else list(map_pictures(task, looked, base))
            placed = [
                PlacedPicture(f"{entry.id}-{task}-{number}.png", *picture) for number, picture in enumerate(pictures, 1)
            ]
            rule = RULE.format(of="its plain run" if base else "this run", layer=(before or own).best)
            yield ShownLooks(task, list(curves(own, before)), run.id if run else "", scores.recomputed, placed, rule)

    def _read(self, id: str, task: str) -> LayerLooks | None:
        return layer_looks(self._tasks[id, task], self._bundles[id], task)
