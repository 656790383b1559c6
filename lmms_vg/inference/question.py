"""A question as the benchmark states it, and the same question rendered for a model family."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from lmms_vg.attention.session import Selections
from lmms_vg.inference.look_target import LookTarget, Mask, Masks, target_masks
from lmms_vg.journal import content_key
from lmms_vg.journal.decoding import Decoding
from lmms_vg.models.base import Family, Prompt
from lmms_vg.vision.images import Picture
from lmms_vg.vision.kept import picture_of
from lmms_vg.vision.patch_grid import Geometry

#: A user message: PIL images and texts, in order.
Message = Sequence[Image.Image | str]


@dataclass(frozen=True, eq=False)
class Question:
    """One question; it equals only itself.

    Attributes:
        task: name of the task.
        uid: id of the document in the task.
        message: returns the user message. It is called late and in another thread, so that images are opened one at a time,
            while the model answers, and a broken image fails only its own question.
        reference: text of the reference prompt, asked about the same images.
        decoding: generation settings.
        boxes: (x0, y0, x1, y1) in pixels of the first image.
        align: whether to measure attention against the boxes.
        maps: whether to keep the maps of attention, with boxes or without.
        repeat: index among repeated requests for the same document; sampling answers them differently.
        choices: the answers that are allowed, if they are a closed set. The model is not told of them and they are no part of
            the key: the record keeps what the first answer token gives to each.
        patient: the patient, or volume, that the images are of, where the data set tells; it changes nothing about the answer.
        others: returns the messages of other questions of the task, each about another image, in an order that the uid
            decides; of the same modality where it is known. Only controls use them (`inference/image_controls.py`).
    """

    task: str
    uid: str
    message: Callable[[], Message]
    reference: str
    decoding: Decoding
    boxes: Sequence[Sequence[float]] = ()
    align: bool = False
    maps: bool = False
    repeat: int = 0
    choices: tuple[str, ...] = ()
    patient: str = ""
    others: Callable[[], Iterator[Message]] = lambda: iter(())

    @property
    def watched(self) -> bool:
        """Whether the attention of its passes is kept; that moves last bits, so it is in the journal's key."""
        return self.align or self.maps


@dataclass(frozen=True)
class Prepared:
    """A question that is ready to be asked: rendered, with its boxes on the patch grid.

    Attributes:
        question: the question.
        prompt: its prompt.
        reference: its reference prompt.
        masks: the boxes on the patch grid of each view; None where they play no part.
        key: hash of everything that may change the record.
        draw: hash of the question's content, which seeds sampling: the same for all methods.
    """

    question: Question
    prompt: Prompt
    reference: Prompt
    masks: Masks | None
    key: str
    draw: str

    @property
    def view(self) -> Geometry:
        """The mapping of the image to the grid that is measured, the first view of the first image."""
        return self.prompt.images[0].views[0]

    @property
    def mask(self) -> Mask:
        """The boxes on that grid; no patch without boxes."""
        return self.mask_on(0)

    @property
    def target(self) -> LookTarget:
        """The region that its attention is measured against."""
        others = tuple(view.rows * view.cols for view in self.prompt.images[0].views[1:])
        return LookTarget(self.question.uid, self.mask, self.view.visible, others)

    def mask_on(self, view: int) -> Mask:
        """Return the boxes on the grid of one of the first image's views; no patch without boxes."""
        lies = self.prompt.images[0].views[view]
        return np.zeros((lies.rows, lies.cols), dtype=bool) if self.masks is None else self.masks[view]


def prepare(
    family: Family, question: Question, rows: Selections, boxes: bool, other: Prepared | None = None
) -> Prepared:
    """Open, render and lay out a question.

    Args:
        family: the model.
        question: the question.
        rows: selections of query rows whose maps are kept.
        boxes: whether the annotated boxes may change the record.
        other: the same question prepared with the other value of `boxes`; its prompts are reused.

    Raises:
        ValueError: the question cannot be asked.
    """
    prompt, reference = (other.prompt, other.reference) if other else _render(family, question)
    masks = target_masks(question.uid, prompt, question.boxes, rows) if boxes else None
    asked = {
        "prompt": prompt.text,
        "images": prompt.image_hashes,
        "reference": reference.text,
        "decoding": question.decoding.as_key(),
        "repeat": question.repeat if question.decoding.do_sample else 0,
    }
    grids = None if masks is None else [mask.astype(int).tolist() for mask in masks]
    used = {"align": question.watched, "masks": grids}
    return Prepared(question, prompt, reference, masks, content_key(asked | used), content_key(asked))


def _render(family: Family, question: Question) -> tuple[Prompt, Prompt]:
    """Return the question's prompt and its reference prompt."""
    parts = [part if isinstance(part, str) else picture_of(part) for part in question.message()]
    pictures = [part for part in parts if isinstance(part, Picture)]
    return family.prompt(parts), family.prompt([*pictures, question.reference])
