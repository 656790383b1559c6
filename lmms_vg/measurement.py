"""Questions of our measurement tasks, for commands that run outside lmms-eval (calibration, overlays)."""

from __future__ import annotations

import random

from lmms_vg.answering import Question
from lmms_vg.attention.decoding import Decoding
from lmms_vg.tasks import docs, prompts, readers

#: Questions with boxes, by name: what `--data` and `--task` may be.
TASKS = (
    "vgmed_demo",
    "demo_calibration",  # no lmms-eval task: phantoms that no demo task asks about, for ranking heads without leakage
    "vgmed_localization",
    "vgmed_attribute",
    "vgmed_coco_localization",
    "vgmed_coco_attribute",
)


def questions(task: str, n: int | None = None, seed: int = 0) -> list[Question]:
    """The questions of a measurement task, or a seeded sample of `n`, sorted so that those about one image are adjacent.

    Raises:
        ValueError: not a measurement task.
        SystemExit: its data are missing; the message says how to get them.
    """
    if task not in TASKS:
        raise ValueError(f"task {task!r}: allowed is {', '.join(TASKS)}")
    documents = list(getattr(readers, task)(None))
    if n is not None and n < len(documents):
        documents = random.Random(seed).sample(documents, n)
    documents.sort(key=lambda doc: (doc["image"], doc["uid"]))
    return [_question(task, doc) for doc in documents]


def _question(task: str, doc: dict) -> Question:
    return Question(
        task=task,
        uid=doc["uid"],
        message=lambda: [*docs.visual(doc), prompts.measurement(doc)],
        reference=prompts.REFERENCE,
        decoding=Decoding(max_new_tokens=16),
        boxes=doc["boxes"],
        align=True,
    )
