"""Build a data set: from the manifests of sources to a folder of images, boxes and masks.

Memory holds the names of files, and never more than a few images; what was read waits in a file until all of it is known.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lmms_vg.datasets.source import DataError
from lmms_vg.journal.location import home
from lmms_vg.journal.lock import FolderLock
from lmms_vg.vgmed import dataset
from lmms_vg.vgmed.balance import balanced
from lmms_vg.vgmed.frames import Tally
from lmms_vg.vgmed.manifest import SourceManifest, load_manifest
from lmms_vg.vgmed.reading import accepted, read_units
from lmms_vg.vgmed.reading_units import UnitReader, units_of
from lmms_vg.vgmed.schema import DatasetCard, Item, SourceCard

READ = ".read.jsonl"


def build(
    manifests: Sequence[Path],
    out: Path,
    *,
    name: str,
    seed: int,
    most: int | None,
    allow_burned_in: bool = False,
    processes: int | None = None,
) -> tuple[DatasetCard, dict[str, Tally]]:
    """Build a data set. The same input gives the same bytes. A build that was stopped goes on where it was.

    Args:
        manifests: YAML files, one per source; of images that several have, the first source keeps them.
        out: folder to write; it must not hold a data set.
        name: of the data set.
        seed: of the balance.
        most: largest number of items per modality and body part; None keeps all.
        allow_burned_in: read DICOM files that state that text is burned into their pixels.
        processes: that read; by default two, unless there is little to read.

    Returns:
        The data set's card, and for each source what it lost.

    Raises:
        DataError: a manifest is broken, or no item is left.
        ValueError: the folder holds a data set already, or another process builds one in it.
        ChildProcessError: the system has ended a process.
    """
    _require_new(out)
    sources = [load_manifest(path) for path in manifests]
    with _alone_in(out):
        return _built(sources, out, name, seed, most, allow_burned_in, processes)


def _built(
    sources: list[tuple[SourceManifest, Path]],
    out: Path,
    name: str,
    seed: int,
    most: int | None,
    allow_burned_in: bool,
    processes: int | None,
) -> tuple[DatasetCard, dict[str, Tally]]:
    """Build a data set in a folder that nobody else writes to."""
    tallies = _tallies([manifest.name for manifest, _ in sources])
    units = [
        unit
        for number, (manifest, folder) in enumerate(sources)
        for unit in units_of(number, manifest, folder, tallies[manifest.name])
    ]
    read_units(units, UnitReader(sources, out, allow_burned_in), out / READ, processes)
    kept = Kept(out / READ, tallies, _chosen(out / READ, list(tallies), most, seed))
    settings = {
        "seed": seed,
        "most_per_modality_and_body_part": most,
        "filters": {manifest.name: manifest.filters.model_dump() for manifest, _ in sources},
        "slices": {manifest.name: manifest.slices for manifest, _ in sources},
    }
    cards = (_card(manifest, kept) for manifest, _ in sources)  # asked for when all items are written
    card = dataset.write(out, name, kept.items(), [], cards, settings)
    for path in (out / dataset.IMAGES).iterdir():
        if path.name not in kept.images:
            path.unlink()
    (out / READ).unlink()
    return card, tallies


@dataclass
class Kept:
    """The items that stay, while they are written.

    Attributes:
        path: of what was read.
        tallies: source -> gets what is lost.
        chosen: ids of the items that the balance keeps; None for all.
        counts: source -> number of its items.
        images: names of their files.
    """

    path: Path
    tallies: dict[str, Tally]
    chosen: set[str] | None
    counts: Counter[str] = field(default_factory=Counter)
    images: set[str] = field(default_factory=set)

    def items(self) -> Iterator[Item]:
        """Yield the items.

        Raises:
            DataError: there is none.
        """
        for item in accepted(self.path, list(self.tallies), self.tallies):
            if self.chosen is None or item.id in self.chosen:
                self.counts[item.source] += 1
                self.images.add(Path(item.image).name)
                yield item
            else:
                self.tallies[item.source].dropped["balance over modality and body part"] += 1
        if not self.counts:
            problems = [problem for tally in self.tallies.values() for problem in tally.problems[:5]]
            losses = {name: dict(tally.dropped) for name, tally in self.tallies.items()}
            raise DataError(f"no item is left: {'; '.join(problems[:5]) or f'every mask was dropped: {losses}'}")


def _require_new(out: Path) -> None:
    if (out / dataset.CARD).exists():
        raise ValueError(f"-o {out} holds a data set already; choose another folder or remove it")


@contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """Hold the lock of an output folder. It lies in `LMMS_VG_HOME/locks`, so that a data set has no file but its own.

    Raises:
        JournalError: `LMMS_VG_HOME` cannot be written.
        ValueError: another process holds the lock, or has just built a data set here.
    """
    name = hashlib.sha256(os.fsencode(out.resolve())).hexdigest()[:16]
    lock = FolderLock(home() / "locks" / name, uuid.uuid4().hex)
    if not lock.take():
        raise ValueError(
            f"{out}: {lock.holder()} builds a data set here; wait until it has ended, or choose another folder"
        )
    try:
        _require_new(out)
        yield
    finally:
        lock.release()


def _tallies(names: list[str]) -> dict[str, Tally]:
    for name, number in Counter(names).items():
        if number > 1:
            raise DataError(f"name: {name!r} is in two manifests; allowed are different names")
    return {name: Tally() for name in names}


def _chosen(path: Path, names: list[str], most: int | None, seed: int) -> set[str] | None:
    """Ids of the items that the balance keeps; None for all. What is lost is counted later."""
    if most is None:
        return None
    return balanced(accepted(path, names, defaultdict(Tally)), most, seed)


def _card(manifest: SourceManifest, kept: Kept) -> SourceCard:
    return SourceCard(
        name=manifest.name,
        licence=manifest.licence,
        address=manifest.address,
        redistribution=manifest.redistribution,
        exhaustive=manifest.exhaustive,
        items=kept.counts[manifest.name],
        dropped=dict(sorted(kept.tallies[manifest.name].dropped.items())),
    )
