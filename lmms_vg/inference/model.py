"""Ask a model in Python: `lmms_vg.load("huatuo", "vgrefine").ask("scan.png", "Where is the nodule?")`.

An evaluation takes the same path: the same prompt and method, here in batches of one, with the maps of attention kept. Answers
go into a journal that is deleted with the model, unless it is asked to keep them.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

from PIL import Image

from lmms_vg._util.error_codes import BadImage, ErrorCode
from lmms_vg._util.suggest import suggest
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.build import build, together
from lmms_vg.inference.look import Look, Looks, LookSite
from lmms_vg.inference.look_record import look_of
from lmms_vg.inference.question import Question
from lmms_vg.journal import content_key
from lmms_vg.journal.decoding import Decoding
from lmms_vg.methods import METHODS
from lmms_vg.methods.head_lists import known_layers
from lmms_vg.models import FAMILIES
from lmms_vg.models.base import Prompt
from lmms_vg.models.checkpoint import DEMO
from lmms_vg.tasks.prompts import REFERENCE
from lmms_vg.vision.images import Picture as OpenedPicture
from lmms_vg.vision.images import open_rgb

#: An opened image, or the path of one.
Picture = Image.Image | str | Path
#: x0, y0, x1, y1 in pixels.
Box = Sequence[float]

_DEMO = (
    "The demo model knows phantoms only: what it says about any other image, and where it looks there, means nothing"
)


class AskError(RuntimeError):
    """A question could not be answered; the message says why, and `code` is the reason in one word, such as `bad_box`."""

    def __init__(self, message: str, code: ErrorCode) -> None:
        super().__init__(message)
        self.code = code


Returned = TypeVar("Returned", Look, Looks)


class Model(Generic[Returned]):
    """A loaded family with one method, or several that share its weights, from `load`. As a context it closes its journals."""

    def __init__(self, answerer: Answerer, several: bool, layer: int, why_layer: str, is_demo: bool) -> None:
        self._answerer, self._several = answerer, several
        self._layer, self._why_layer = layer, why_layer
        self._remarks = (_DEMO,) if is_demo else ()

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the loaded methods."""
        return tuple(run.method.name for run in self._answerer.method_runs)

    def ask(
        self,
        image: Picture | Sequence[Picture],
        question: str,
        boxes: Sequence[Box] | None = None,
        *,
        reference: str = REFERENCE,
        max_new_tokens: int = 128,
    ) -> Returned:
        """Answer a question about an image, greedily, and keep where the model looked meanwhile.

        Args:
            image: a file, an opened image, or several of them; the map is of the first.
            question: the exact text to ask. Benchmarks add an instruction, such as "Answer the question using a single word
                or phrase."
            boxes: (x1, y1, x2, y2) in pixels of the first image; attention is measured against them.
            reference: the reference prompt; the question's attention is divided by its attention (paper, Sec. 2.2).
            max_new_tokens: maximum length of the answer in tokens.

        Returns:
            A `Look`; if several methods were loaded, `Looks`, a dict from method name to `Look`.

        Raises:
            AskError: the image cannot be opened, a box is not on the image, or the method cannot answer.
            ValueError: `boxes` are not boxes, there is no image, or `max_new_tokens` is not allowed.
        """
        pictures: list[Picture] = [image] if isinstance(image, Image.Image | str | Path) else list(image)
        if not pictures:
            raise ValueError("image=[]: allowed is a file, an opened image, or several of them")
        placed = _numbers(boxes or ())
        looks = self.look(
            Question(
                task="ask",
                uid=content_key({"question": question, "boxes": placed})[:16],
                message=lambda: [*map(_opened, pictures), question],
                reference=reference,
                decoding=Decoding(max_new_tokens=max_new_tokens),
                boxes=placed,
                align=bool(placed),
                maps=True,
            )
        )
        returned: Any = looks if self._several else next(iter(looks.values()))
        answer: Returned = returned
        return answer

    def look(self, question: Question) -> Looks:
        """Answer a benchmark's question about at least one image with every method, whose maps must be `watched`.

        Raises:
            AskError: as `ask`.
        """
        answers = {run: record for run, _, record in self._answerer.answer_all([question])}
        for run, record in answers.items():
            if record.failure is not None:
                raise AskError(f"{run.method.name}: {record.failure.error}", record.failure.code)
        site = self._site(self._answerer.prompt(question), question)
        runs = self._answerer.method_runs
        return Looks({run.method.name: look_of(run, answers[run], site) for run in runs})

    def _site(self, prompt: Prompt, question: Question) -> LookSite:
        image = next(part for part in prompt.content if isinstance(part, OpenedPicture))
        text = " ".join(part for part in prompt.content if isinstance(part, str))
        view = prompt.images[0].views[0]
        return LookSite(text, image.rgb, question.boxes, view, self._layer, self._why_layer, self._remarks)

    def close(self) -> None:
        """Close the journals, so that other processes can write to them; a later `ask` opens them again."""
        self._answerer.close()

    def __enter__(self) -> Model[Returned]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@overload
def load(
    family: str, *, methods: Iterable[str] | Mapping[str, Mapping[str, Any]], journal: bool = False, **model_args: Any
) -> Model[Looks]: ...


@overload
def load(family: str, method: str = "plain", *, journal: bool = False, **model_args: Any) -> Model[Look]: ...


def load(
    family: str,
    method: str = "plain",
    *,
    methods: Iterable[str] | Mapping[str, Mapping[str, Any]] | None = None,
    journal: bool = False,
    **model_args: Any,
) -> Any:
    """Load a model of a family, with a method inside, to ask it single questions.

    Args:
        family: name of a family, such as "huatuo".
        method: name of a method.
        methods: several in place of `method`, which share one copy of the weights and one pass over each image: names, or a
            mapping from names to hyper-parameters, such as `{"plain": {}, "vgrefine": {"k": 10}}`.
        journal: whether to keep answers in the journal of all runs (`LMMS_VG_HOME`), where a question that was asked before is
            not asked again. By default they are deleted with the model.
        model_args: the arguments of `--model_args`: `pretrained` (folder, hub id, "demo"), `dtype`, `device`, `rows` and so on;
            with `method` its hyper-parameters too.

    Raises:
        ValueError: an unknown family, method or argument, or a value that is not allowed.
        CheckpointError: the checkpoint cannot be run.
    """
    if family not in FAMILIES:
        raise ValueError(f"family {family!r}: {suggest(family, FAMILIES)}allowed is {', '.join(FAMILIES)}")
    wanted = _wanted(method, methods)
    if "sampling_seed" in model_args:
        raise ValueError(
            f"sampling_seed={model_args['sampling_seed']!r}: a loaded model answers greedily, so it would change nothing; it "
            "is for lmms-eval's tasks that sample (docs/protocols.md)"
        )
    (first, given), *others = ((name, {**model_args, **own}) for name, own in wanted.items())
    folder = None if journal else Path(tempfile.mkdtemp(prefix="lmms_vg_"))
    try:
        with together(others, list(wanted)):  # weights are read once
            answerer = build(family, first, journals=folder, **given)
    except BaseException:
        _delete(folder)
        raise
    pretrained = model_args.get("pretrained") or FAMILIES[family].pretrained
    shape = FAMILIES[family].inspect(str(pretrained), model_args.get("revision"))
    known = known_layers(shape)
    layer = known[0] if known else shape.layers // 2
    why = "the first knockout layer of the checkpoint's head list" if known else "the middle one"
    model: Model[Any] = Model(answerer, methods is not None, layer, why, pretrained == DEMO)
    weakref.finalize(model, _delete, folder)
    return model


def _wanted(
    method: str, methods: Iterable[str] | Mapping[str, Mapping[str, Any]] | None
) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(method, str):
        raise ValueError(f"method={method!r}: allowed is one name; several are methods={method!r}")
    if isinstance(methods, str):
        raise ValueError(f"methods={methods!r}: allowed is a list of names; one name is method={methods!r}")
    if methods is not None and method != "plain":
        raise ValueError(f"method={method!r} and methods: allowed is one of them")
    named = [method] if methods is None else methods
    wanted = methods if isinstance(methods, Mapping) else {name: {} for name in named}
    for name in wanted:
        if name not in METHODS:
            raise ValueError(f"method {name!r}: {suggest(name, METHODS)}allowed is {', '.join(METHODS)}")
    if not wanted:
        raise ValueError(f"no method was given; allowed is {', '.join(METHODS)}")
    return wanted


def _delete(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


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
