"""Read all units, and keep what was read in a file, behind which the next build goes on if this one is stopped."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from lmms_vg._util.processes import in_order
from lmms_vg.host.stopping import finishing_batches
from lmms_vg.vgmed.frame_items import FrameItems
from lmms_vg.vgmed.frames import Tally
from lmms_vg.vgmed.near_copies import NearCopies
from lmms_vg.vgmed.reading_units import ReadingUnit, UnitRead, UnitReader
from lmms_vg.vgmed.schema import Item

_PROCESSES = 2  # each may hold a volume and its masks
_FEW = 32  # images that take no longer than two processes take to start


def read_units(units: Sequence[ReadingUnit], reader: UnitReader, path: Path, processes: int | None = None) -> None:
    """Write a line per unit to a file, in order; lines that it has already are kept while they are still true.

    Args:
        units: to read.
        reader: reads one.
        path: of the file.
        processes: by default two, unless there is little to read; the file is the same.

    Raises:
        KeyboardInterrupt: on Ctrl-C; the file keeps all whole lines.
        Stopped: on SIGTERM; the same.
        ChildProcessError: the system has ended a process; the same.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    done, size = _done(units, reader, path)
    left = units[done:]
    if processes is None:
        processes = _PROCESSES if len(left) > _FEW or sum(unit.is_volume for unit in left) > 1 else 1
    bar = tqdm(desc="reading", total=len(units), initial=done, unit="image", disable=None)
    with path.open("ab") as file, bar, finishing_batches() as stop_if_asked:
        file.truncate(size)
        try:
            for line in in_order(reader, left, min(processes, os.cpu_count() or 1)):
                file.write(line)
                file.flush()
                bar.update()
                stop_if_asked()
        except ChildProcessError:
            stop_if_asked()  # the signal went to all processes
            raise


def accepted(path: Path, names: Sequence[str], tallies: Mapping[str, Tally]) -> Iterator[Item]:
    """Yield the items of a file of units, but those on an image that was seen before, or whose near copy another source has.

    Args:
        path: of the file.
        names: of the sources, by their numbers.
        tallies: source -> gets what was lost.
    """
    first: dict[bytes, tuple[str, str]] = {}  # hash of an image -> its source and file
    copies = NearCopies()
    with path.open("rb") as lines:
        for line in lines:
            unit = UnitRead.model_validate_json(line)
            name = names[unit.source]
            tally = tallies[name]
            tally.add(unit.dropped, unit.said)
            for frame in unit.frames:
                place, key = (name, frame.origin), bytes.fromhex(frame.image_hash)
                seen = first.get(key, place)
                if seen != place:
                    _double(tally, frame, "the same image as", seen)
                    continue
                if frame.items and key not in first:
                    copy_of = copies.find(name, bytes.fromhex(frame.near_hash))
                    if copy_of is not None:
                        _double(tally, frame, "nearly the same image as", copy_of)
                        continue
                    first[key] = place
                    copies.add(name, bytes.fromhex(frame.near_hash), frame.origin)
                tally.add(frame.dropped, [])
                yield from frame.items


def _double(tally: Tally, frame: FrameItems, what: str, seen: tuple[str, str]) -> None:
    """Report an image that is left out, since another one is the same."""
    reason = f"{what.removeprefix('the ')} in {seen[0]}"
    tally.report(reason, f"{frame.origin}: {what} {' '.join(seen)}; only the first is used", once=reason)


def _done(units: Sequence[ReadingUnit], reader: UnitReader, path: Path) -> tuple[int, int]:
    """Return the number of lines that are still true, and their bytes."""
    if not path.is_file():
        return 0, 0
    done = size = 0
    with path.open("rb") as lines:
        for unit, line in zip(units, lines, strict=False):
            if not line.endswith(b"\n") or not reader.holds(line, unit):
                break
            done, size = done + 1, size + len(line)
    return done, size
