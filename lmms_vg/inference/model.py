"""Ask a model in Python: `lmms_vg.load("huatuo", "vgrefine").ask("scan.png", "Where is the nodule?")`.

An evaluation takes the same path: the same prompt, method and journal, here in batches of one. A question that was asked
before is answered from the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lmms_vg._util.error_codes import BadImage, ErrorCode
from lmms_vg._util.suggest import suggest
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.build import build, together
from lmms_vg.inference.question import Question
from lmms_vg.journal import Record, content_key
from lmms_vg.journal.decoding import Decoding
from lmms_vg.methods import METHODS
from lmms_vg.metrics.alignment import Alignment, best_layer
from lmms_vg.models import FAMILIES
from lmms_vg.tasks.prompts import REFERENCE
from lmms_vg.vision.images import open_rgb

#: An opened image, or the path of one.
Picture = Image.Image | str | Path
#: x0, y0, x1, y1 in pixels.
Box = Sequence[float]


class AskError(RuntimeError):
    """A question could not be answered; the message says why, and `code` is the reason in one word, such as `bad_box`."""

    def __init__(self, message: str, code: ErrorCode) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Answer:
    """The answer of a method.

    Attributes:
        text: the answer.
        alignment: how well each layer's attention matches the boxes, arrays of shape (layers,); None without boxes.
            AR is 1 where attention is uniform; KL and JS are in nats.
        record: the journal's record of the answer.
    """

    text: str
    alignment: Alignment | None
    record: Record

    @property
    def best_layer(self) -> int | None:
        """Index of the layer with the lowest KL; None without boxes."""
        return None if self.alignment is None else best_layer(self.alignment.kl[None])


Returned = TypeVar("Returned", Answer, dict[str, Answer])


class Model(Generic[Returned]):
    """A loaded family with one method, or several that share its weights, from `load`. As a context it closes its journals."""

    def __init__(self, answerers: Mapping[str, Answerer], several: bool) -> None:
        self._answerers, self._several = dict(answerers), several

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the loaded methods."""
        return tuple(self._answerers)

    def ask(
        self,
        image: Picture | Sequence[Picture],
        question: str,
        boxes: Sequence[Box] | None = None,
        *,
        reference: str = REFERENCE,
        max_new_tokens: int = 128,
    ) -> Returned:
        """Answer a question about an image, greedily.

        Args:
            image: a file, an opened image, or several of them.
            question: the exact text to ask. Benchmarks add an instruction, such as "Answer the question using a single word
                or phrase."
            boxes: (x1, y1, x2, y2) in pixels of the first image; attention is measured against them.
            reference: the reference prompt; the question's attention is divided by its attention (paper, Sec. 2.2).
            max_new_tokens: maximum length of the answer in tokens.

        Returns:
            An `Answer`; if several methods were loaded, a dict from method name to `Answer`.

        Raises:
            AskError: the image cannot be opened, a box is not on the image, or the method cannot answer.
            ValueError: `boxes` are not boxes, or `max_new_tokens` is not allowed.
        """
        pictures: list[Picture] = [image] if isinstance(image, Image.Image | str | Path) else list(image)
        placed = _numbers(boxes or ())
        asked = Question(
            task="ask",
            uid=content_key({"question": question, "boxes": placed})[:16],
            message=lambda: [*map(_opened, pictures), question],
            reference=reference,
            decoding=Decoding(max_new_tokens=max_new_tokens),
            boxes=placed,
            align=bool(placed),
        )
        answers: Any = {name: _answer(answerer, asked) for name, answerer in self._answerers.items()}
        answered: Returned = answers if self._several else answers.popitem()[1]
        return answered

    def close(self) -> None:
        """Close the journals, so that other processes can write to them; a later `ask` opens them again."""
        for answerer in self._answerers.values():
            answerer.close()

    def __enter__(self) -> Model[Returned]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@overload
def load(family: str, method: str = "plain", **model_args: Any) -> Model[Answer]: ...


@overload
def load(
    family: str, method: Sequence[str] | Mapping[str, Mapping[str, Any]], **model_args: Any
) -> Model[dict[str, Answer]]: ...


def load(
    family: str, method: str | Sequence[str] | Mapping[str, Mapping[str, Any]] = "plain", **model_args: Any
) -> Model[Any]:
    """Load a checkpoint with one method or several.

    Args:
        family: name of a family, such as "huatuo".
        method: name of a method; several names; or a mapping from names to hyper-parameters, such as
            `{"plain": {}, "vgrefine": {"k": 10}}`. With one name, `model_args` may include hyper-parameters.
        model_args: the arguments of `--model_args`: `pretrained` (folder, hub id, "demo"), `dtype`, `device`, `rows` and so on.

    Raises:
        ValueError: an unknown family, method or argument, or a value that is not allowed.
        CheckpointError: the checkpoint cannot be run.
    """
    if family not in FAMILIES:
        raise ValueError(f"family {family!r}: {suggest(family, FAMILIES)}allowed is {', '.join(FAMILIES)}")
    named: Iterable[str] = [method] if isinstance(method, str) else method
    wanted = dict(method) if isinstance(method, Mapping) else {name: {} for name in named}
    for name in wanted:
        if name not in METHODS:
            raise ValueError(f"method {name!r}: {suggest(name, METHODS)}allowed is {', '.join(METHODS)}")
    if "sampling_seed" in model_args:
        raise ValueError(
            f"sampling_seed={model_args['sampling_seed']!r}: a loaded model answers greedily, so it would change nothing; it "
            "is for lmms-eval's tasks that sample (docs/protocols.md)"
        )
    if not wanted:
        raise ValueError(f"no method was given; allowed is {', '.join(METHODS)}")
    with together([], list(wanted)):  # weights are read once
        answerers = {name: build(family, name, **model_args, **given) for name, given in wanted.items()}
    return Model(answerers, several=not isinstance(method, str))


def _numbers(boxes: Sequence[Box]) -> list[tuple[float, ...]]:
    try:
        return [tuple(map(float, box)) for box in boxes]
    except (TypeError, ValueError):
        raise ValueError(
            f"boxes={boxes!r}: allowed is a list of (x1, y1, x2, y2) in pixels of the first image"
        ) from None


def _opened(picture: Picture) -> Image.Image:
    if isinstance(picture, Image.Image):
        return open_rgb(picture)
    try:
        return open_rgb(picture)
    except BadImage as problem:
        raise BadImage(f"{picture}: {problem}") from problem


def _answer(answerer: Answerer, question: Question) -> Answer:
    ((_, record),) = answerer.answer([question])
    if record.failure is not None:
        raise AskError(f"{answerer.main.method.name}: {record.failure.error}", record.failure.code)
    return Answer(record.text, _alignment(record), record)


def _alignment(record: Record) -> Alignment | None:
    if record.alignment is None:
        return None
    values: dict[str, NDArray[np.float64]] = {name: np.array(record.alignment[name]) for name in Alignment._fields}
    return Alignment(**values)
