"""Own data: one JSON-lines file of questions, `questions.jsonl`, beside the images.

A row has `image`, `question`, `group` (the kind of question), `split`, `modality` and `patient`; `answer` where the masks tell
it, and `mask` (COCO's run lengths) unless the question is about what is absent. A row says once where its object
is, so there is no `bbox` beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmms_vg.vgmed.dataset import BuiltDataset
from lmms_vg.vgmed.export.parts import copy_images, is_absent, items_of, write_lines
from lmms_vg.vgmed.schema import BoxQuestion, Item


def write_own(built: BuiltDataset, questions: Sequence[BoxQuestion], out: Path) -> Path:
    """Write the folder; returns the file of questions."""
    copy_images(built, items_of(built, questions), out)
    path = out / "questions.jsonl"
    write_lines(path, (_row(question, built.items[question.item]) for question in questions))
    return path


def _row(question: BoxQuestion, item: Item) -> dict[str, Any]:
    row: dict[str, Any] = {"image": item.image, "question": question.text}
    if question.answer is not None:
        row["answer"] = question.answer
    if not is_absent(question, item):
        row["mask"] = item.mask.model_dump(mode="json")
    return row | {
        "group": question.kind,
        "split": "test",
        "modality": item.modality,
        "patient": f"{item.source}/{item.patient}",
    }
