"""What is asked: a question, and the form in which a model of a family can be asked it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from lmms_vg.attention.session import Rows
from lmms_vg.inference.alignment_probe import Mask, target_mask
from lmms_vg.journal import content_key
from lmms_vg.journal.decoding import Decoding
from lmms_vg.models.base import Family, Prompt
from lmms_vg.vision.images import Picture, open_picture

#: A user message: PIL images and texts, in order.
Message = Sequence[Image.Image | str]


@dataclass(frozen=True, eq=False)
class Question:
    """One question to ask; equal to itself only.

    Attributes:
        message: gives the user message; called late, so that images are opened one at a time and a broken one fails alone.
        reference: text of the reference prompt, asked about the same images.
        boxes: xyxy boxes in pixels of the first image; with `align`, attention is measured against them.
        repeat: counts repeated requests for the same document, which sampling answers differently.
    """

    task: str
    uid: str
    message: Callable[[], Message]
    reference: str
    decoding: Decoding
    boxes: Sequence[Sequence[float]] = ()
    align: bool = False
    repeat: int = 0


@dataclass(frozen=True)
class Prepared:
    """A question that can be asked: rendered, laid on the patch grid.

    Attributes:
        key: hash of all that may change its record.
        draw: hash of what is asked, by which samples are drawn: the same for all methods.
    """

    question: Question
    prompt: Prompt
    reference: Prompt
    mask: Mask | None
    key: str
    draw: str


def prepare(family: Family, question: Question, rows: Rows, boxes: bool, other: Prepared | None = None) -> Prepared:
    """Open, render and lay out a question.

    Args:
        rows: of the alignment maps.
        boxes: whether the annotated boxes may change what comes of it.
        other: the same question prepared with another `boxes`, to take the prompts from.

    Raises:
        ValueError: whatever is wrong with it.
    """
    prompt, reference = (other.prompt, other.reference) if other else _render(family, question)
    mask = target_mask(question.uid, prompt, question.boxes, rows) if boxes else None
    asked = {
        "prompt": prompt.text,
        "images": prompt.image_hashes,
        "reference": reference.text,
        "decoding": question.decoding.as_key(),
        "repeat": question.repeat if question.decoding.do_sample else 0,
    }
    used = {"align": question.align, "mask": None if mask is None else mask.astype(int).tolist()}
    return Prepared(question, prompt, reference, mask, content_key(asked | used), content_key(asked))


def _render(family: Family, question: Question) -> tuple[Prompt, Prompt]:
    """The question's prompt and its reference prompt."""
    parts = [part if isinstance(part, str) else open_picture(part) for part in question.message()]
    pictures = [part for part in parts if isinstance(part, Picture)]
    return family.prompt(parts), family.prompt([*pictures, question.reference])
