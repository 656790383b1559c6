"""The lmms-eval model class: every `<family>_<method>` is this class with a family and a method.

lmms-eval resolves a model id to a dotted path; `lmms_vg.harness.<family>_<method>` is made on demand by `__getattr__`.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lmms_eval.api.instance import Instance
from lmms_eval.api.model import lmms
from lmms_eval.utils import simple_parse_args_string
from loguru import logger
from tqdm import tqdm

from lmms_vg import journal
from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.datasets import counts
from lmms_vg.datasets.leaks import sources
from lmms_vg.extensions.registered import model_ids
from lmms_vg.host import failure, options
from lmms_vg.host.failure import failed
from lmms_vg.inference.build import build
from lmms_vg.inference.job import gather
from lmms_vg.inference.method_run import RunCounts
from lmms_vg.inference.question import Message, Question
from lmms_vg.journal.decoding import Decoding
from lmms_vg.methods.head_lists import leaking
from lmms_vg.tasks import documents as docs
from lmms_vg.tasks import prompts
from lmms_vg.vision.images import open_rgb


class GroundedModel(lmms):  # type: ignore[misc]
    """A family with a method inside, as lmms-eval's chat model; see `engine.Settings` for the arguments."""

    is_simple = False
    #: `tasks.readers` asks: tasks that measure where a model looks are for models that say so.
    leaves_records = True
    family = ""
    method = ""

    def __init__(self, **arguments: Any) -> None:
        """Load the model.

        Raises:
            RunFailed: with the one-line message of whatever is wrong with arguments, checkpoint or options of the host;
                SystemExit with the same message at lmms-eval's command line.
        """
        super().__init__()
        arguments.pop("max_batch_size", None)
        self._rank = int(os.environ.get("RANK", 0))
        self._world_size = int(os.environ.get("WORLD_SIZE", 1))
        self._arguments = arguments
        self._open()
        self.device = self._answerer.family.model.device
        self.batch_size = self._answerer.batch_size

    @classmethod
    @failure.not_swallowed()
    def create_from_arg_string(
        cls, arg_string: str | Mapping[str, Any], additional_config: Mapping[str, Any] | None = None
    ) -> GroundedModel:
        """What `--model_args` starts; they win over `--batch_size` and `--device`, which lmms-eval always passes along.

        Raises:
            RunFailed: as for the class.
        """
        extra = {name: value for name, value in (additional_config or {}).items() if value is not None}
        return cls(**{**extra, **_parsed(arg_string)})

    def _open(self) -> None:
        """The model and its journal, at the start and for an evaluation after the one that freed them."""
        options.refuse("models")
        journal.forget()
        try:
            _check_gen_kwargs()
            journal.check_home()
            self._answerer = build(self.family, self.method, self._rank, **self._arguments)
        except (ValueError, ImportError, journal.JournalError) as problem:  # an ImportError names a missing package
            raise failed(f"lmms_vg: {problem}") from None
        self._is_open = True

    @failure.not_swallowed()
    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Answer all requests, questions about one image together; every answer is journalled as it comes."""
        options.refuse("models")
        if not self._is_open:
            self._open()
        repeats: Counter[tuple[str, int]] = Counter()
        places: dict[int, list[int]] = {}
        first: dict[str, tuple[int, str]] = {}
        others: set[str] = set()
        questions: list[tuple[str, Question]] = []
        for place, request in enumerate(requests):
            if (request.metadata or {}).get("__padding_only__"):
                continue
            document = (request.task_name, request.doc_id)
            image, question = self._question(request, repeats[document])
            repeats[document] += 1
            if not _is_ours(self.task_dict[question.task][request.args[-1]]):
                others.add(question.task)
            named = (request.doc_id, question.uid)
            first[question.task] = min(first.get(question.task, named), named)
            questions.append((image, question))
            places.setdefault(id(question), []).append(place)
        _require_no_other_seed([question for _, question in questions])
        self._require_boxes([question for _, question in questions])
        self._warn_of_leaks(image for name, _ in questions for image in name.split("|") if image)
        for task, (_, uid) in first.items():  # so the samples file says what was run
            journal.sign(task, uid, self._answerer.journal.provenance | {"host_options": options.recorded()})
        questions.sort(key=lambda pair: pair[0])  # stable: questions about one image become neighbours

        answers = [""] * len(requests)
        unscorable: Counter[str] = Counter()
        further = len(self._answerer.method_runs) - 1
        along = f" and {further} more" * (further > 0)
        bar = tqdm(total=len(questions), desc=f"{self.family}_{self.method}{along}", disable=self._rank != 0)
        try:
            with bar:  # a message begins on a line of its own
                for question, record in self._answerer.answer(question for _, question in questions):
                    if not question.repeat:  # of repeated answers lmms-eval scores the first
                        journal.remember(record)
                    if record.error and question.task in others:
                        unscorable[question.task] += 1
                    for place in places[id(question)]:
                        answers[place] = record.text
                    bar.update(1)
        except journal.JournalError as problem:
            raise failed(f"lmms_vg: {problem}") from None
        self._close(unscorable)
        return answers

    def _require_boxes(self, questions: list[Question]) -> None:
        """A method that needs boxes where no question has any fails at once; beside others it is not asked at all."""
        if not questions or any(question.boxes for question in questions):
            return
        name = self._answerer.main.method.name
        if self._answerer.main.method.needs_boxes:
            tasks = ", ".join(sorted({question.task for question in questions}))
            raise failed(
                f"lmms_vg: {name} needs annotated boxes, and no question of {tasks} has any; leave {name} out, or ask tasks "
                "with boxes: vgmed, vgmed_coco, vgmed_demo, vqa_demo"
            )
        for one in [one for one in self._answerer.method_runs if one.method.needs_boxes]:
            self._answerer.method_runs.remove(one)

    def _warn_of_leaks(self, images: Iterable[str]) -> None:
        """Heads that were ranked on the images asked about, or may have been, make results too good."""
        method = self._answerer.main.method
        ranked_on = getattr(method, "leaks", ())  # methods without heads have none
        found = leaking(ranked_on, sources(images)) if ranked_on else set()
        if found:
            self._answerer.journal.provenance["leaks"] = sorted(found)
        if found and self._rank == 0:
            logger.warning(
                f"the heads of {method.name} were, or may have been, ranked on images of {', '.join(sorted(found))}, which are "
                "asked about here: results may be too good. Where the heads come from: lmms-vg heads show; to rank them on "
                "other images: lmms-vg heads calibrate --data coco"
            )

    def _question(self, request: Instance, repeat: int) -> tuple[str, Question]:
        """The request as a question, and the name of its image for grouping."""
        _, doc_to_messages, settings, doc_id, task, split = request.args
        documents = self.task_dict[task][split]
        # Only our tasks' documents are looked at here: others may decode images on access, or mean something else.
        doc = documents[doc_id] if _is_ours(documents) else {}
        metadata = request.metadata or {}
        question = Question(
            task=task,
            uid=doc.get("uid", f"{split}/{doc_id}"),
            message=lambda: _message(doc_to_messages(documents[doc_id])),
            reference=metadata.get("reference") or prompts.REFERENCE,
            decoding=_decoding(task, settings, metadata.get("penalise_prompt", True)),
            boxes=doc.get("boxes") or (),
            align=bool(metadata.get("alignment")),
            repeat=repeat,
        )
        return "|".join(doc.get("images") or ()), question

    def _close(self, unscorable: Counter[str]) -> None:
        """Say what became of the questions; a run without one answer fails visibly.

        Args:
            unscorable: failures by task, of tasks that are not ours.
        """
        ranks = gather((self._answerer.counts, unscorable))
        names = RunCounts.__dataclass_fields__
        total = RunCounts(**{name: sum(getattr(counts, name) for counts, _ in ranks) for name in names})
        if self._rank == 0:
            self._summarise(total, sum((failures for _, failures in ranks), Counter()))
        if total.asked and not total.answered + total.from_journal:
            raise failed(
                f"lmms_vg: all {total.asked} questions failed, so there is nothing to score. The first reasons are printed "
                f"above; all of them are in {self._answerer.journal.folder}"
            )

    def _summarise(self, total: RunCounts, unscorable: Counter[str]) -> None:
        logger.info(f"lmms_vg summary: {total}; journal {self._answerer.journal.folder}")
        for message in counts.deviations.values():
            logger.warning(f"lmms_vg summary: PARTIAL DATA: {message}")
        for name in options.recorded():
            logger.warning(f"lmms_vg summary: {options.shown(name)}")
        if total.failed:
            logger.warning(f"{total.failed} of {total.asked} questions failed; reasons are in the journal and above")
        for task, failures in sorted(unscorable.items()):
            failure.note(
                f"{failures} questions of {task} failed, and it scores their empty answers: its numbers are too low. It is no "
                "task of lmms_vg, which leave failures out"
            )

    def clean(self) -> None:
        """Free the weights before scoring, which may load models of its own; another evaluation loads them again."""
        if self._is_open:
            self._answerer.close()
            del self._answerer
            self._is_open = False
        super().clean()

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError("lmms_vg models answer by generation only; use tasks of output_type generate_until")

    def generate_until_multi_round(self, requests: list[Instance]) -> list[str]:
        raise NotImplementedError(
            "lmms_vg models answer single questions only; use tasks of output_type generate_until"
        )


def _parsed(arguments: str | Mapping[str, Any]) -> dict[str, Any]:
    """`--model_args`, or the mapping that Python may pass for them."""
    if not isinstance(arguments, str):
        return dict(arguments)
    lone = [part for part in arguments.split(",") if part.strip() and "=" not in part]
    if lone:
        raise failed(f"lmms_vg: model_args {lone[0]!r} has no '='; allowed is name=value, such as pretrained=demo")
    parsed: dict[str, Any] = simple_parse_args_string(arguments)
    return parsed


def _check_gen_kwargs() -> None:
    """Settings that no task could make good are refused before weights are read.

    Raises:
        RunFailed: or SystemExit, as `failure.failed`.
    """
    settings = options.given().get("gen_kwargs")
    if isinstance(settings, Mapping):
        _decoding("--gen_kwargs", {"max_new_tokens": sys.maxsize, **settings})


def _decoding(where: str, settings: Mapping[str, Any], penalise_prompt: bool = True) -> Decoding:
    """Generation settings as ours; what is wrong with them is wrong with every question, so the run ends."""
    try:
        return Decoding.from_lmms_eval(settings, penalise_prompt)
    except (ValueError, TypeError) as problem:
        message = f"lmms_vg: {where}: {problem}"
    raise failed(message)


def _require_no_other_seed(questions: list[Question]) -> None:
    """Samples are drawn by the seed of the generation settings; runs of another `--seed` would be the same run."""
    if "seed" in options.given() and any(question.decoding.do_sample for question in questions):
        raise failed(f"lmms_vg: {options.shown('seed')}")


def _is_ours(documents: Any) -> bool:
    """Whether documents are of one of our tasks."""
    return set(docs.FEATURES) <= set(getattr(documents, "column_names", ()))


def _message(messages: list[dict[str, Any]]) -> Message:
    """The one user message of an lmms-eval chat request: PIL images and texts in order.

    Raises:
        BadQuestion: several turns, a system prompt, or media that are not images.
    """
    if len(messages) != 1 or messages[0]["role"] != "user":
        raise BadQuestion(
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
            raise BadQuestion(f"message part of type {part['type']!r}: only images and text are taken")


def __getattr__(name: str) -> type[GroundedModel]:
    if name not in model_ids():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    family, method = model_ids()[name]
    made = type(name, (GroundedModel,), {"family": family, "method": method, "__module__": __name__})
    globals()[name] = made
    return made
