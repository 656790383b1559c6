"""VGMED's own format: two JSON-lines files, `VGMED_localization.jsonl` and `VGMED_attribute.jsonl`, beside the images.

All boxes are xyxy. VGMED's reader takes boxes of paths that start with "Slake" as xywh; ours start with `images/`. Questions
about what is absent have no box, and VGMED has no such questions, so they are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from lmms_vg.vgmed.dataset import BuiltDataset
from lmms_vg.vgmed.export.parts import copy_images, is_absent, items_of, write_lines
from lmms_vg.vgmed.schema import BoxQuestion, Item, Kind


def write_vgmed(built: BuiltDataset, questions: Sequence[BoxQuestion], out: Path) -> Path:
    """Write the folder that is named by `LMMS_VG_DATA/vgmed`; returns the file of localization questions."""
    present = [question for question in questions if not is_absent(question, built.items[question.item])]
    copy_images(built, items_of(built, present), out)
    for kind in get_args(Kind):
        rows = [_row(question, built.items[question.item]) for question in present if question.kind == kind]
        write_lines(out / f"VGMED_{kind}.jsonl", rows)
    return out / "VGMED_localization.jsonl"


def _row(question: BoxQuestion, item: Item) -> dict[str, Any]:
    return {
        "image": item.image,
        "question": question.text,
        "bbox": item.boxes,
        "label": item.label,
        "modality": item.modality,
        "body_part": item.body_part,
        "patient": item.patient,
        "source": item.source,
    }
