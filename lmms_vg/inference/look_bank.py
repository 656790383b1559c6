"""The swap null of a look, from a finished run: the values of the same model's maps of other images on this box."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.journal import Record, is_journal, read_entries
from lmms_vg.metrics import donors, nulls
from lmms_vg.runs.journal_of import journal_of
from lmms_vg.runs.kept_maps import KeptMaps, kept_maps
from lmms_vg.runs.read import read
from lmms_vg.runs.record_units import units_of_records

#: The parts of a run's identity that determine its model's attention.
_SAME = ("family", "weights", "method", "rows", "geometry")


class MapBank(NamedTuple):
    """The questions of a run whose attention was measured.

    Attributes:
        folder: its journal.
        identity: its provenance.
        records: its records, one per question.
    """

    folder: Path
    identity: dict[str, Any]
    records: list[Record]

    def is_of(self, identity: Mapping[str, Any]) -> bool:
        """Return whether the same model and method, read in the same way, left these maps."""
        return all(self.identity.get(name) == identity.get(name) for name in _SAME)


class BankValues(NamedTuple):
    """Mean values of the maps of `n` other images on a box; NaN where there are fewer than five."""

    ar: float
    kl: float
    js: float
    n: int


def open_bank(run: Path) -> MapBank:
    """Open a run, or a journal, as a bank of maps.

    Raises:
        ValueError: it is none, its journal is not on this machine, or it has measured no attention.
    """
    folder = run if is_journal(run) else journal_of(read(run))
    if folder is None:
        raise ValueError(f"bank {run}: its journal, which keeps the maps, is not on this machine")
    identity: dict[str, Any] = {}
    records: dict[str, Record] = {}
    for entry in read_entries(sorted(folder.glob("rank*.jsonl"))):
        if isinstance(entry, dict):
            identity = entry
        elif entry.alignment is not None:
            records[entry.key] = entry
    if not records:
        raise ValueError(f"bank {run}: it has measured no attention; name a run of a task such as vgmed or vgmed_demo")
    return MapBank(folder, identity, [*records.values()])


def bank_values(
    bank: MapBank,
    own: Record,
    lift: NDArray[np.float64],
    mask: NDArray[np.bool_],
    visible: NDArray[np.bool_],
    layer: int,
) -> BankValues:
    """Measure the maps of up to 20 other images, of the same grid and padding and of no patient of the look's own, on a box.

    Args:
        bank: the maps.
        own: the look's record; its image is left out, and so are all images of its patient, whom it or the bank may name.
        lift: (rows, cols), the look's map.
        mask: (rows, cols), the patches in the box.
        visible: (rows, cols), the patches that show image.
        layer: the layer.
    """
    kind = (mask.shape, np.packbits(visible).tobytes())
    groups = [kept for kept in kept_maps(bank.folder, bank.records, [layer]) if kept.grid == mask.shape]
    alike = [_alike(kept, kind) for kept in groups]
    maps = np.concatenate([lift.reshape(1, 1, -1), *(match[0] for match in alike)])
    about = [own, *bank.records]
    units = units_of_records(about)
    numbers = [0, *(1 + place for match in alike for place in match[1])]
    owners = [donors.MapOwner(f"{number}", about[number].image, units[number], kind) for number in numbers]
    chosen = donors.of_other_images(owners)[0]
    if not len(chosen):
        return BankValues(np.nan, np.nan, np.nan, len({owner.image for owner in owners if owner.unit != units[0]}))
    nobody = [np.empty(0, dtype=np.intp)] * len(chosen)
    masks = np.repeat(mask.reshape(1, -1), 1 + len(chosen), axis=0)
    result = nulls.null(maps[[0, *chosen]], masks, [np.arange(1, 1 + len(chosen)), *nobody])
    log_ar, kl, js = (float(level[0, 0]) for level in result.level)
    return BankValues(float(np.exp(log_ar)), kl, js, len(chosen))


def _alike(kept: KeptMaps, kind: object) -> tuple[NDArray[Any], list[int]]:
    """Return the maps of one grid whose images have the same padding, and the places of their records."""
    same = [place for place, own in enumerate(kept.kinds) if own == kind]
    return kept.maps[same], [kept.places[i] for i in same]
