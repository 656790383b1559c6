"""Questions with boxes, for commands that run outside lmms-eval (calibration, overlays)."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lmms_vg.datasets import own, own_images
from lmms_vg.datasets.leaks import leaks
from lmms_vg.datasets.source import DataError
from lmms_vg.experiments.boxed_tasks import BOXED_TASKS, CALIBRATION
from lmms_vg.inference.question import Question
from lmms_vg.journal.decoding import Decoding
from lmms_vg.tasks import documents as docs
from lmms_vg.tasks import prompts, registry
from lmms_vg.tasks.prompts import Doc


@dataclass(frozen=True)
class BoxedSample:
    """A sample of questions with boxes, to rank heads on.

    Attributes:
        data: The task or file they come from.
        questions: The sampled questions.
        without_boxes: uids of questions without boxes, which were left out before sampling.
        leaks: Data sets whose images are in the sample.
    """

    data: str
    questions: list[Question]
    without_boxes: list[str]
    leaks: list[str]


def questions(data: str, n: int | None = None, seed: int = 0) -> list[Question]:
    """Load the questions with boxes, or a seeded sample of `n`; those about one image are adjacent.

    Args:
        data: As in `annotated`.
        n: Number of questions; all if there are fewer, or if it is None.
        seed: Seed of the draw.

    Raises:
        ValueError: `data` is no measurement task and no file.
        RunFailed: Its data are missing; the message says how to get them.
    """
    name, everything = _documents(data)
    return [_question(name, doc) for doc in _sample([doc for doc in everything if doc["boxes"]], n, seed)]


def annotated(data: str, n: int, seed: int) -> BoxedSample:
    """Draw a seeded sample of questions with boxes.

    Args:
        data: A short name (`CALIBRATION`), a measurement task, or a JSON-lines file (`datasets.own`).
        n: Number of questions; all if there are fewer.
        seed: Seed of the draw.

    Raises:
        ValueError: `data` is none of these, no question has a box, or no image can be opened (`DataMissing`: the message
            has the command that fetches them).
        RunFailed: Questions are missing or damaged; the message says how to get them.
    """
    name, everything = _documents(data)
    boxed = [doc for doc in everything if doc["boxes"]]
    if not boxed:
        raise ValueError(
            f"--data {data!r}: none of its {len(everything)} questions has a box, so nothing says where heads should "
            'look; give every row "bbox": [[x1, y1, x2, y2]] in pixels'
        )
    chosen = _sample(boxed, n, seed)
    _require_an_image(chosen)
    return BoxedSample(
        data=name,
        questions=[_question(name, doc) for doc in chosen],
        without_boxes=[doc["uid"] for doc in everything if not doc["boxes"]],
        leaks=leaks(image for doc in chosen for image in doc["images"]),
    )


def _documents(data: str) -> tuple[str, list[Doc]]:
    """Return the name and the documents of a task or of a file.

    A file becomes the process's own questions, so that its images are found.
    """
    task, path = CALIBRATION.get(data, data), Path(data).expanduser()
    if task in BOXED_TASKS:
        return task, list(docs.documents(task, registry.TASKS[task].read, None))
    if path.is_file():
        own_images.use(str(path))
        return path.name, list(docs.documents(path.name, partial(own.load, path), None))
    raise ValueError(
        f"{data!r}: allowed is {', '.join(CALIBRATION)}, a task ({', '.join(BOXED_TASKS)}), or a JSON-lines file "
        'with a row such as {"image": "a.png", "question": "Where is the liver?", "bbox": [[x1, y1, x2, y2]]}; '
        "there is no file of that name"
    )


def _sample(documents: list[Doc], n: int | None, seed: int) -> list[Doc]:
    if n is not None and n < len(documents):
        documents = random.Random(seed).sample(documents, n)
    return sorted(documents, key=lambda doc: (doc["image"], doc["uid"]))


def _require_an_image(documents: Iterable[Doc]) -> None:
    """Raise DataError if no image opens, before a model is loaded. Questions about single broken images fail later."""
    first: DataError | None = None
    for doc in documents:
        try:
            docs.visual(doc)
            return
        except DataError as problem:
            first = first or problem
    if first is not None:
        raise first


def _question(task: str, doc: Doc) -> Question:
    return Question(
        task=task,
        uid=doc["uid"],
        message=lambda: [*docs.visual(doc), prompts.measurement(doc)],
        reference=prompts.REFERENCE,
        decoding=Decoding(max_new_tokens=1),  # only where the model looks is measured, not what it says
        boxes=doc["boxes"],
        align=True,
        patient=docs.patient_of(doc),
    )
