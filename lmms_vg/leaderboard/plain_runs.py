"""Which plain run a submission is shown beside: what the method changed can be seen only under the same circumstances."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from lmms_vg.leaderboard.ranks import comparable
from lmms_vg.study.agreement import FIELDS
from lmms_vg.submission.entry import Entry


def plain_runs(entries: Sequence[Entry]) -> dict[str, Entry]:
    """Id -> the plain run of its model, for every entry of a method that has one.

    Of several the one that shares most tasks is taken, of equals the one of the smallest id.
    """
    plain: dict[Hashable, list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: one.id):
        if entry.is_plain:
            plain.setdefault(circumstances(entry), []).append(entry)
    found: dict[str, Entry] = {}
    for entry in entries:
        candidates = [] if entry.is_plain else plain.get(circumstances(entry), [])
        best = max(candidates, key=lambda one: len(shared(entry, one)), default=None)  # the first of equals
        if best is not None and shared(entry, best):
            found[entry.id] = best
    return found


def circumstances(entry: Entry) -> Hashable:
    """What a method and its plain run must have in common."""
    return tuple(getattr(entry.manifest.run, name) for name in FIELDS)


def shared(entry: Entry, plain: Entry) -> list[str]:
    """Tasks on which both answered the same questions under the same rule."""
    both = sorted(entry.scores.keys() & plain.scores.keys())
    return [task for task in both if comparable(entry.scores[task]) == comparable(plain.scores[task])]
