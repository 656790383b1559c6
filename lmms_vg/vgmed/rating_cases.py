"""A built data set as a folder to rate: the page, and the images that it shows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from lmms_vg._util.atomic_files import check_new, replace_file
from lmms_vg.vgmed.dataset import BuiltDataset
from lmms_vg.vgmed.rating_page import RatingCase, rating_page
from lmms_vg.vgmed.schema import BoxQuestion, Item

PAGE = "index.html"


def drawn(built: BuiltDataset, n: int | None, seed: int) -> list[BoxQuestion]:
    """Return n questions drawn at random, in the data set's order; all by default.

    Raises:
        ValueError: there are no questions, or `n` is out of range.
    """
    if not built.questions:
        raise ValueError(f"{built.folder}: it has no questions; make them with lmms-vg vgmed questions {built.folder}")
    if n is None:
        return built.questions
    if not 1 <= n <= len(built.questions):
        raise ValueError(f"-n {n}: allowed is 1 to {len(built.questions)}, the number of questions")
    places = random.Random(seed).sample(range(len(built.questions)), n)
    return [built.questions[place] for place in sorted(places)]


def write_rating_folder(built: BuiltDataset, questions: Sequence[BoxQuestion], seed: int, out: Path) -> None:
    """Write the page and the images of these questions to a new folder.

    Raises:
        ValueError: the folder exists.
        OSError: an image cannot be read.
    """
    check_new(out)
    items = {question.item: built.items[question.item] for question in questions}
    for item in {item.image: item for item in items.values()}.values():
        replace_file(out / item.image, built.image_bytes(item))
    cases = [rating_case(question, items[question.item]) for question in questions]
    replace_file(out / PAGE, rating_page(cases, built.card.hash, seed))


def rating_case(question: BoxQuestion, item: Item) -> RatingCase:
    """Return the case that shows a question. A question about something that is absent has no box."""
    boxes = item.boxes if question.label == item.label else []
    about = f"{question.kind.capitalize()} question; {item.modality}, {item.body_part}"
    return RatingCase(question.id, item.image, item.width, item.height, boxes, question.text, about)
