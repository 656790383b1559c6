"""A target's methods on a checkpoint of one's own: the paper's columns, without its numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import prod
from pathlib import Path

from safetensors import safe_open

from lmms_vg.models import FAMILIES
from lmms_vg.models.checkpoint import CheckpointError, Shape, explicit, locate, path_of
from lmms_vg.reproduce.checkpoints import Checkpoint
from lmms_vg.reproduce.downloads import BYTES
from lmms_vg.reproduce.target import Target, TargetRow


def own_checkpoint(family: str, pretrained: str | None) -> Checkpoint:
    """Describe a checkpoint by its small files; no weights are read.

    Args:
        family: name of its family.
        pretrained: folder or hub id; None for the family's default.

    Raises:
        CheckpointError: the family does not load it.
    """
    place = explicit(pretrained or FAMILIES[family].pretrained)
    shape = FAMILIES[family].inspect(place, None)
    return Checkpoint(family, place, _billions(place), shape.layers, shape.heads)


def own_rows(target: Target, checkpoint: Checkpoint) -> tuple[TargetRow, ...]:
    """Return each method of the target's main model once, on this checkpoint.

    The paper's heads and layers are those of its own model. Where the package has none for this checkpoint, they are ranked
    first.
    """
    rows = [row for row in target.rows if row.checkpoint == target.rows[0].checkpoint]
    return tuple(_own(row, checkpoint, target.varied) for row in rows)


def _own(row: TargetRow, checkpoint: Checkpoint, varied: Sequence[str]) -> TargetRow:
    from lmms_vg.methods import METHODS  # late: it takes seconds

    model = Path(checkpoint.pretrained).name
    settings = ", ".join(f"{name}={value}" for name, value in row.settings.items())
    name = model if row.method == "plain" else f"{model}, {row.name.removesuffix(' (Ours)')}"
    name = f"{name}, {settings}" if settings else name
    if "heads" not in METHODS[row.method].options():
        return row._replace(name=name, checkpoint=checkpoint, printed="")
    kept = {option: row.hyper_parameters[option] for option in varied}
    return TargetRow(name, row.method, checkpoint, kept, calibrate=not _has_heads(row.method, checkpoint))


def _has_heads(method: str, checkpoint: Checkpoint) -> bool:
    from lmms_vg.methods import METHODS

    shape = Shape(checkpoint.pretrained, checkpoint.layers, checkpoint.heads, {}, checkpoint.family)
    try:
        METHODS[method].for_checkpoint(shape)
    except ValueError:
        return False
    return True


def _billions(pretrained: str) -> float:
    """Return the number of parameters in billions, from the headers of the weights or their index; 0 if neither is here."""
    files = sorted(Path(locate(pretrained)).glob("*.safetensors"))
    if files:
        return sum(map(_parameters, files)) / 1e9
    try:
        index = path_of(pretrained, None, "model.safetensors.index.json")
    except CheckpointError:
        return 0.0
    size = json.loads(index.read_text(encoding="utf-8")).get("metadata", {}).get("total_size", 0) if index else 0
    return float(size) / BYTES / 1e9


def _parameters(file: Path) -> int:
    with safe_open(file, framework="numpy") as weights:
        return sum(prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118 - no mapping
