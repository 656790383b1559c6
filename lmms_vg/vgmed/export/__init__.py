"""Write a built data set in the formats of others, one format per file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lmms_vg._util.atomic_files import check_new
from lmms_vg.vgmed.dataset import BuiltDataset
from lmms_vg.vgmed.export.coco_file import write_coco
from lmms_vg.vgmed.export.hub_folder import write_hub
from lmms_vg.vgmed.export.own_lines import write_own
from lmms_vg.vgmed.export.vgmed_lines import write_vgmed
from lmms_vg.vgmed.schema import BoxQuestion

#: Format -> what writes it. Each returns the main file.
WRITERS: dict[str, Callable[[BuiltDataset, Sequence[BoxQuestion], Path], Path]] = {
    "vgmed": write_vgmed,
    "own": write_own,
    "hub": write_hub,
    "coco": write_coco,
}


def export(built: BuiltDataset, questions: Sequence[BoxQuestion], to: str, out: Path) -> Path:
    """Write these questions, with the images and items that they are about, to a new folder.

    Args:
        built: the data set.
        questions: all, or those that ratings have kept.
        to: a key of `WRITERS`.
        out: the folder.

    Returns:
        The main file.

    Raises:
        ValueError: the folder exists, or there are no questions.
        OSError: an image cannot be read.
    """
    check_new(out)
    if not questions:
        raise ValueError(
            f"{built.folder}: it has no questions to export; make them with lmms-vg vgmed questions {built.folder}"
        )
    return WRITERS[to](built, questions, out)
