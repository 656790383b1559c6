"""Questions that wait for a batch, prepared for every method that has not answered them yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lmms_vg._util.error_codes import Failure, NoBoxes
from lmms_vg.attention.session import Selections
from lmms_vg.inference.image_controls import ImageControl
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Prepared, Question, prepare
from lmms_vg.methods.base import Method
from lmms_vg.models.base import Family
from lmms_vg.vision.images import Picture


class Forms:
    """The forms of one question: with and without the annotated boxes, each prepared once, under the run's control if any."""

    def __init__(
        self, family: Family, question: Question, rows: Selections, control: ImageControl | None = None
    ) -> None:
        self.question = question
        self._asked = question if control is None else control.of(question)
        self._family, self._rows = family, rows
        self._prepared: dict[bool, Prepared | Failure] = {}

    def of(self, method: Method) -> Prepared | Failure:
        """Return the form for a method, or the reason why it cannot be asked."""
        if method.needs_boxes and not self._asked.boxes:
            return Failure.of(NoBoxes(f"{method.name} needs annotated boxes; this question has none"))
        boxes = self.question.align or method.needs_boxes
        if boxes not in self._prepared:
            self._prepared[boxes] = self._prepare(boxes)
        return self._prepared[boxes]

    def sizes(self) -> dict[int, int]:
        """Bytes of every image that the forms hold, as RGB and as prepared pixels, by the `id` of the object."""
        prompts = [form.prompt for form in self._prepared.values() if isinstance(form, Prepared)]
        pictures = [part for prompt in prompts for part in prompt.content if isinstance(part, Picture)]
        pixels = [image.pixels for prompt in prompts for image in prompt.images]
        return {id(picture): picture.nbytes for picture in pictures} | {id(tensor): tensor.nbytes for tensor in pixels}

    def _prepare(self, boxes: bool) -> Prepared | Failure:
        other = self._prepared.get(not boxes)
        try:
            return prepare(self._family, self._asked, self._rows, boxes, other if isinstance(other, Prepared) else None)
        except Exception as problem:  # noqa: BLE001 - journalled as the failure of this question
            return Failure.of(problem)


@dataclass(frozen=True)
class Pending:
    """A question and its form for every method that has to answer it."""

    question: Question
    prepared: Mapping[MethodRun, Prepared]

    @property
    def batch_key(self) -> object:
        """Questions with equal keys may share a batch."""
        prompt = next(iter(self.prepared.values())).prompt
        methods = tuple(self.prepared)
        return prompt.prefix, prompt.grids, self.question.decoding, self.question.watched, methods


class BatchQueue:
    """Collects questions until a batch is complete.

    Args:
        fits: whether questions may share a batch (`BatchLimit.fits`).
    """

    def __init__(self, fits: Callable[[Sequence[Pending]], bool]) -> None:
        self._fits = fits
        self._waiting: dict[object, list[Pending]] = {}

    def add(self, pending: Pending) -> Iterator[list[Pending]]:
        """Queue a question if any method has to answer it; yield the batches that are complete then.

        A batch is complete if another question like the last one would not fit; the question itself may not fit either.
        """
        if not pending.prepared:
            return
        key = pending.batch_key
        waiting = self._waiting.pop(key, [])
        if waiting and not self._fits([*waiting, pending]):
            yield waiting
            waiting = []
        waiting.append(pending)
        if self._fits([*waiting, pending]):
            self._waiting[key] = waiting
        else:
            yield waiting

    def rest(self) -> Iterator[list[Pending]]:
        """Yield the remaining questions in incomplete batches."""
        yield from self._waiting.values()
