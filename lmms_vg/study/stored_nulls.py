"""Values of maps beside their nulls, kept on disk.

Computing them takes most of a build, and the next build needs the same values.

They lie in `LMMS_VG_HOME/nulls`, beside the journals that the maps are read from, and not in the folder of a study: a build
into another folder, or of more runs, finds them there. A file is named by a hash of all that its values depend on. So a
changed input is measured again, and two builds at once write the same bytes under the same name. Any of these files may be
removed at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from loguru import logger
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.journal import home
from lmms_vg.metrics import donors, nulls, placement
from lmms_vg.runs.kept_maps import KeptMaps
from lmms_vg.study import measured_maps
from lmms_vg.study.measured_maps import MeasuredMaps

_ROWS = 512  # questions whose maps are in memory at a time: 33 MB for 28 layers of 24 x 24


def measured(kept: KeptMaps, owners: Sequence[donors.MapOwner], seed: int) -> MeasuredMaps:
    """Return what `measured_maps.measure` does, to the bit: from a file where these maps were measured before.

    A file that is broken or holds something else is said in one line and replaced. A folder that cannot be written is said.
    """
    key = _key(kept, owners, seed)
    path = home() / "nulls" / f"{key}.safetensors"
    if (known := _read(path, key, kept.maps.shape[:2])) is not None:
        return known
    values = measured_maps.measure(kept, owners, seed)
    tensors = {name: np.ascontiguousarray(array) for name, array in values._asdict().items()}
    try:
        replace_file(path, save(tensors, {"sha256": _checksum(key, tensors)}))
    except OSError as problem:
        logger.warning(
            f"{path} cannot be written ({problem.strerror or problem}): the next build measures these maps again"
        )
    return values


def _read(path: Path, key: str, shape: tuple[int, ...]) -> MeasuredMaps | None:
    """Return the values of a file; None if there is none, or none that can be used."""
    try:
        return _values(path, key, shape)
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, ValueError) as problem:
        logger.warning(f"{path} cannot be used ({problem}): its maps are measured again")
        return None


def _values(path: Path, key: str, shape: tuple[int, ...]) -> MeasuredMaps:
    with safe_open(path, framework="numpy") as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - a file is no dict
        layout = {name: [part.get_dtype(), *part.get_shape()] for name, part in parts.items()}
        if layout != (allowed := _layout(shape)):
            raise ValueError(f"it holds {layout}: allowed is {allowed}")
        tensors = {name: file.get_tensor(name) for name in parts}
        if (file.metadata() or {}).get("sha256") != _checksum(key, tensors):
            raise ValueError("its bytes have changed, or it is of other maps")
    return MeasuredMaps(**tensors)


def _layout(shape: tuple[int, ...]) -> dict[str, list[object]]:
    """Type and shape of each array of a file, as safetensors states them."""
    three: dict[str, list[object]] = {name: ["F64", 3, *shape] for name in ("level", "excess", "steered")}
    return {**three, "placement": ["F64", *shape], "hidden": ["BOOL", *shape]}


def _checksum(key: str, tensors: Mapping[str, NDArray[np.generic]]) -> str:
    state = hashlib.sha256(key.encode())
    for name in MeasuredMaps._fields:
        state.update(tensors[name].tobytes())
    return state.hexdigest()


def _key(kept: KeptMaps, owners: Sequence[donors.MapOwner], seed: int) -> str:
    """Hash everything that the values depend on: what is measured, the rule, and the code that measures."""
    rules = [nulls.signature(donors=name, seed=seed) for name in ("other-images", "same-image")]
    # The last bits of a sum are numpy's.
    rules += [np.__version__, str(seed), str(kept.grid), str(kept.maps.shape)]
    state = hashlib.sha256(json.dumps([rules, [(*owner[:3], repr(owner.kind)) for owner in owners]]).encode())
    for module in (nulls, donors, placement, measured_maps):
        state.update(Path(str(module.__file__)).read_bytes())
    for marked in (kept.masks, kept.visible):
        state.update(np.packbits(marked).tobytes())
    for start in range(0, len(kept.maps), _ROWS):
        state.update(np.ascontiguousarray(kept.maps[start : start + _ROWS]).data)
        kept.release()
    return state.hexdigest()
