"""Values of a question's kept map: AR, KL and JS, their excess over the swap null, and placement, per layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.journal import Record
from lmms_vg.metrics import donors, nulls, placement
from lmms_vg.runs.kept_maps import KeptMaps
from lmms_vg.runs.record_units import units_of_records
from lmms_vg.submission.schema_lines import BundleAlignment, BundleExcess

Floats = NDArray[np.float64]

#: Decimals that a bundle states excess and placement with: a tenth of a hundredth of what is tolerated.
DIGITS = 4


class MapValues(NamedTuple):
    """Values of one question, (layers,) each.

    Attributes:
        ar: at least `nulls.LEAST_AR`.
        excess: of log AR, KL and JS over maps of other images, (3, layers); None with fewer than five of these.
        placement: None where the box has fewer than five places.
        hidden: whether a patch has no attention at all.
    """

    ar: Floats
    kl: Floats
    js: Floats
    excess: Floats | None
    placement: Floats | None
    hidden: NDArray[np.bool_]

    def beside(self, alignment: BundleAlignment) -> BundleAlignment:
        """Return stated alignment values with excess and placement beside them."""
        excess = None if self.excess is None else BundleExcess(**_rounded(self.excess))
        share = None if self.placement is None else [round(float(value), DIGITS) for value in self.placement]
        return alignment.model_copy(update={"excess": excess, "placement": share})


def map_values(groups: Sequence[KeptMaps], records: Sequence[Record]) -> dict[str, MapValues]:
    """Return uid -> values of the questions that have maps.

    Args:
        groups: their maps, by grid.
        records: what `KeptMaps.places` counts; maps of one patient, whom they may name, never stand in for each other.

    Raises:
        ValueError: a mask is empty or covers a patch that shows no image; the question is named.
    """
    units = units_of_records(records)
    return {
        uid: values
        for kept in groups
        for uid, values in _of_grid(kept, [records[i] for i in kept.places], [units[i] for i in kept.places])
    }


def hidden_layers(values: Mapping[str, MapValues], layers: Sequence[int]) -> list[int]:
    """Return the layers in which any question has a patch without attention; `layers` names those of the values."""
    if not values:
        return []
    hidden = np.any([value.hidden for value in values.values()], axis=0)
    return [layer for layer, is_hidden in zip(layers, hidden.tolist(), strict=True) if is_hidden]


def _of_grid(kept: KeptMaps, records: Sequence[Record], units: Sequence[str]) -> list[tuple[str, MapValues]]:
    owners = [
        donors.MapOwner(record.uid, record.image, unit, kind)
        for record, unit, kind in zip(records, units, kept.kinds, strict=True)
    ]
    chosen = donors.of_other_images(owners)
    result = nulls.null(kept.maps, kept.masks, chosen)
    excess = np.stack(result.excess)
    return [
        (
            record.uid,
            MapValues(
                np.exp(result.value.log_ar[i]),
                result.value.kl[i],
                result.value.js[i],
                excess[:, i] if len(chosen[i]) else None,
                _placed(kept, i, record.uid),
                (np.asarray(kept.maps[i]) == 0).any(axis=-1),
            ),
        )
        for i, record in enumerate(records)
    ]


def _placed(kept: KeptMaps, number: int, uid: str) -> Floats | None:
    mask, visible = (marked[number].reshape(kept.grid) for marked in (kept.masks, kept.visible))
    share = placement.place(kept.maps[number].reshape(-1, *kept.grid), mask, visible, uid).share
    return None if np.isnan(share).any() else share


def _rounded(excess: Floats) -> dict[str, list[float]]:
    rows = np.round(excess, DIGITS).tolist()
    return dict(zip(nulls.NullValues._fields, rows, strict=True))
