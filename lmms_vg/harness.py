"""The lmms-eval model class: every `<family>_<method>` is this class with a family and a method.

lmms-eval resolves a model id to a dotted path; `lmms_vg.harness.<family>_<method>` is made on demand by `__getattr__`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from lmms_eval.api.instance import Instance
from lmms_eval.api.model import lmms
from lmms_eval.utils import simple_parse_args_string
from loguru import logger
from tqdm import tqdm

from lmms_vg import journal
from lmms_vg.attention.decoding import Decoding
from lmms_vg.contender import Tally
from lmms_vg.datasets import counts
from lmms_vg.datasets.leaks import leaks
from lmms_vg.engine import build
from lmms_vg.images import open_rgb
from lmms_vg.job import gather
from lmms_vg.methods import METHODS
from lmms_vg.methods.head_lists import leaking
from lmms_vg.models import FAMILIES
from lmms_vg.questions import Message, Question
from lmms_vg.tasks import docs, prompts


class RunFailed(SystemExit):
    """A run that cannot start, or ended without an answer. SystemExit, because lmms-eval turns exceptions into status 0."""


class GroundedModel(lmms):
    """A family with a method inside, as lmms-eval's chat model; see `engine.Settings` for the arguments."""

    is_simple = False
    family = ""
    method = ""

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        arguments.pop("max_batch_size", None)
        self._rank = int(os.environ.get("RANK", 0))
        self._world_size = int(os.environ.get("WORLD_SIZE", 1))
        journal.forget()
        journal.check_home()
        self._answerer = build(self.family, self.method, self._rank, **arguments)
        self.device = self._answerer.family.model.device
        self.batch_size = self._answerer.batch_size

    @classmethod
    def create_from_arg_string(cls, arg_string: str, additional_config: dict[str, Any] | None = None) -> GroundedModel:
        """What `--model_args` starts; they win over `--batch_size` and `--device`, which lmms-eval always passes along.

        Raises:
            RunFailed: with the one-line message of whatever is wrong with arguments or checkpoint.
        """
        extra = {name: value for name, value in (additional_config or {}).items() if value is not None}
        lone = [part for part in arg_string.split(",") if part.strip() and "=" not in part]
        if lone:
            raise RunFailed(
                f"lmms_vg: model_args {lone[0]!r} has no '='; allowed is name=value, such as pretrained=demo"
            )
        try:
            return cls(**{**extra, **simple_parse_args_string(arg_string)})
        except (ValueError, journal.JournalError) as problem:
            raise RunFailed(f"lmms_vg: {problem}") from None

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Answer all requests, questions about one image together; every answer is journalled as it comes."""
        repeats: Counter[tuple[str, int]] = Counter()
        places: dict[int, list[int]] = {}
        first: dict[str, tuple[int, str]] = {}
        questions: list[tuple[str, Question]] = []
        for place, request in enumerate(requests):
            if (request.metadata or {}).get("__padding_only__"):
                continue
            document = (request.task_name, request.doc_id)
            image, question = self._question(request, repeats[document])
            repeats[document] += 1
            named = (request.doc_id, question.uid)
            first[question.task] = min(first.get(question.task, named), named)
            questions.append((image, question))
            places.setdefault(id(question), []).append(place)
        self._require_boxes([question for _, question in questions])
        self._warn_of_leaks(image for name, _ in questions for image in name.split("|") if image)
        for task, (_, uid) in first.items():  # so the samples file says what was run
            journal.sign(task, uid, self._answerer.journal.provenance)
        questions.sort(key=lambda pair: pair[0])  # stable: questions about one image become neighbours

        answers = [""] * len(requests)
        others = len(self._answerer.contenders) - 1
        along = f" and {others} more" * (others > 0)
        bar = tqdm(total=len(questions), desc=f"{self.family}_{self.method}{along}", disable=self._rank != 0)
        try:
            with bar:  # a message begins on a line of its own
                for question, record in self._answerer.answer(question for _, question in questions):
                    journal.remember(record)
                    for place in places[id(question)]:
                        answers[place] = record.text
                    bar.update(1)
        except journal.JournalError as problem:
            raise RunFailed(f"lmms_vg: {problem}") from None
        self._close()
        return answers

    def _require_boxes(self, questions: list[Question]) -> None:
        """A method that needs boxes where no question has any fails at once; beside others it is not asked at all."""
        if not questions or any(question.boxes for question in questions):
            return
        name = self._answerer.main.method.name
        if self._answerer.main.method.needs_boxes:
            tasks = ", ".join(sorted({question.task for question in questions}))
            raise RunFailed(
                f"lmms_vg: {name} needs annotated boxes, and no question of {tasks} has any; leave {name} out, or ask tasks "
                "with boxes: vgmed, vgmed_coco, vgmed_demo, vqa_demo"
            )
        for one in [one for one in self._answerer.contenders if one.method.needs_boxes]:
            self._answerer.contenders.remove(one)

    def _warn_of_leaks(self, images: Iterable[str]) -> None:
        """Heads that were ranked on the images asked about make results too good."""
        method = self._answerer.main.method
        ranked_on = getattr(method, "leaks", ())  # methods without heads have none
        found = leaking(ranked_on, leaks(images)) if ranked_on else set()
        if found:
            self._answerer.journal.provenance["leaks"] = sorted(found)
        if found and self._rank == 0:
            logger.warning(
                f"the heads of {method.name} were ranked on images of {', '.join(sorted(found))}, which are asked about here: "
                "results are too good; rank them on other images (lmms-vg heads calibrate --data coco)"
            )

    def _question(self, request: Instance, repeat: int) -> tuple[str, Question]:
        """The request as a question, and the name of its image for grouping."""
        _, doc_to_messages, settings, doc_id, task, split = request.args
        documents = self.task_dict[task][split]
        # Only our tasks' documents are looked at here: others may decode images on access, or mean something else.
        own = set(docs.FEATURES) <= set(getattr(documents, "column_names", ()))
        doc = documents[doc_id] if own else {}
        metadata = request.metadata or {}
        question = Question(
            task=task,
            uid=doc.get("uid", f"{split}/{doc_id}"),
            message=lambda: _message(doc_to_messages(documents[doc_id])),
            reference=metadata.get("reference") or prompts.REFERENCE,
            decoding=Decoding.from_lmms_eval(settings, metadata.get("penalise_prompt", True)),
            boxes=doc.get("boxes") or (),
            align=bool(metadata.get("alignment")),
            repeat=repeat,
        )
        return "|".join(doc.get("images") or ()), question

    def _close(self) -> None:
        """Say what became of the questions; a run without one answer fails visibly."""
        tallies = gather(self._answerer.tally)
        names = Tally.__dataclass_fields__
        total = Tally(**{name: sum(getattr(tally, name) for tally in tallies) for name in names})
        if self._rank == 0:
            logger.info(f"lmms_vg summary: {total}; journal {self._answerer.journal.folder}")
            for message in counts.deviations.values():
                logger.warning(f"lmms_vg summary: PARTIAL DATA: {message}")
            if total.failed:
                logger.warning(
                    f"{total.failed} of {total.asked} questions failed; reasons are in the journal and above"
                )
        if total.asked and not total.answered + total.from_journal:
            raise RunFailed(
                f"lmms_vg: all {total.asked} questions failed, so there is nothing to score. The first reasons are printed "
                f"above; all of them are in {self._answerer.journal.folder}"
            )

    def clean(self) -> None:
        """Free the weights before scoring, which may load models of its own."""
        self._answerer.close()
        del self._answerer
        super().clean()

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError("lmms_vg models answer by generation only; use tasks of output_type generate_until")

    def generate_until_multi_round(self, requests: list[Instance]) -> list[str]:
        raise NotImplementedError(
            "lmms_vg models answer single questions only; use tasks of output_type generate_until"
        )


def _message(messages: list[dict[str, Any]]) -> Message:
    """The one user message of an lmms-eval chat request: PIL images and texts in order.

    Raises:
        ValueError: several turns, a system prompt, or media that are not images.
    """
    if len(messages) != 1 or messages[0]["role"] != "user":
        raise ValueError(
            f"{len(messages)} messages with roles {[m['role'] for m in messages]}: one user message is taken"
        )
    content = messages[0]["content"]
    return [content] if isinstance(content, str) else list(_parts(content))


def _parts(content: list[dict[str, Any]]) -> Iterator[Any]:
    for part in content:
        if part["type"] == "text":
            yield part["text"]
        elif part["type"] == "image":
            yield part["url"] if not isinstance(part["url"], str) else open_rgb(part["url"])
        else:
            raise ValueError(f"message part of type {part['type']!r}: only images and text are taken")


def __getattr__(name: str) -> type[GroundedModel]:
    family, _, method = name.partition("_")
    if family not in FAMILIES or method not in METHODS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = type(name, (GroundedModel,), {"family": family, "method": method, "__module__": __name__})
    globals()[name] = made
    return made
