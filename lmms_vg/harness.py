"""The lmms-eval model class: every `<family>_<method>` is a subclass of it with a family and a method.

lmms-eval resolves a model id to a dotted path; `__getattr__` creates `lmms_vg.harness.<family>_<method>` on demand.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lmms_eval.api.instance import Instance
from lmms_eval.api.model import lmms
from lmms_eval.utils import simple_parse_args_string
from tqdm import tqdm

from lmms_vg import journal
from lmms_vg.extensions.registered import model_ids
from lmms_vg.host import failure, options
from lmms_vg.host.failure import failed
from lmms_vg.inference.build import build
from lmms_vg.inference.question import Question
from lmms_vg.inference.requests import Requested, check_gen_kwargs, requested
from lmms_vg.inference.run_checks import require_boxes, require_no_other_seed, warn_of_leaks
from lmms_vg.inference.run_report import report
from lmms_vg.journal import Record


class GroundedModel(lmms):  # type: ignore[misc]
    """A family with a method as a chat model of lmms-eval; see `inference.build.Settings` for the arguments."""

    is_simple = False
    #: Read by `tasks.registry`: tasks that measure attention accept only models that leave records.
    leaves_records = True
    family = ""
    method = ""

    def __init__(self, **arguments: Any) -> None:
        """Load the model.

        Raises:
            RunFailed: an argument, the checkpoint or an lmms-eval option cannot be used; the message is one line. On the
                command line of lmms-eval it is a SystemExit with the same message.
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
        """Create the model from `--model_args`, which override `--batch_size` and `--device`: lmms-eval always passes these.

        Raises:
            RunFailed: as for `__init__`.
        """
        return cls(**{**options.passed(additional_config or {}), **_parsed(arg_string)})

    def _open(self) -> None:
        """Load the model and its journal, at the start and for an evaluation that follows a `clean`."""
        options.refuse("models")
        journal.forget()
        try:
            check_gen_kwargs()
            journal.check_home()
            self._answerer = build(self.family, self.method, self._rank, **self._arguments)
        except (ValueError, ImportError, journal.JournalError) as problem:  # an ImportError names a missing package
            raise failed(f"lmms_vg: {problem}") from None
        self._is_open = True

    @failure.not_swallowed()
    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Answer all requests, grouped by image; every answer is journalled at once."""
        options.refuse("models")
        if not self._is_open:
            self._open()
        asked = requested(requests, self.task_dict)
        self._check(asked)
        self._sign(asked)
        by_question = {request.question: request for request in asked}
        answers, unscorable = [""] * len(requests), Counter[str]()
        for question, record in self._answered(list(by_question)):
            if not question.repeat:  # lmms-eval scores the first of repeated answers
                journal.remember(record)
            if record.error and not by_question[question].ours:
                unscorable[question.task] += 1
            answers[by_question[question].place] = record.text
        report(self._answerer, unscorable, self._rank)
        return answers

    def _check(self, asked: Sequence[Requested]) -> None:
        questions = [request.question for request in asked]
        require_no_other_seed(questions)
        require_boxes(self._answerer, questions)
        warn_of_leaks(
            self._answerer, (image for request in asked for image in request.image.split("|") if image), self._rank
        )

    def _sign(self, asked: Sequence[Requested]) -> None:
        """Sign the first document of each task, so that the samples file states what was run."""
        provenance = self._answerer.journal.provenance | {"host_options": options.recorded()}
        last_to_first = sorted(asked, key=lambda request: request.doc_id, reverse=True)
        for task, uid in {request.question.task: request.question.uid for request in last_to_first}.items():
            journal.sign(task, uid, provenance)

    def _answered(self, questions: Sequence[Question]) -> Iterator[tuple[Question, Record]]:
        """Yield the questions with their records as they are answered, and show a progress bar."""
        further = len(self._answerer.method_runs) - 1
        along = f" and {further} more" * (further > 0)
        name = f"{self.family}_{self.method}{along}"
        try:
            yield from tqdm(self._answerer.answer(questions), total=len(questions), desc=name, disable=self._rank != 0)
        except journal.JournalError as problem:
            raise failed(f"lmms_vg: {problem}") from None

    def clean(self) -> None:
        """Free the weights before scoring, which may load other models; another evaluation loads them again."""
        if self._is_open:
            self._answerer.close()
            del self._answerer
            self._is_open = False
        super().clean()

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Not supported."""
        raise NotImplementedError("lmms_vg models answer by generation only; use tasks of output_type generate_until")

    def generate_until_multi_round(self, requests: list[Instance]) -> list[str]:
        """Not supported."""
        raise NotImplementedError(
            "lmms_vg models answer single questions only; use tasks of output_type generate_until"
        )


def _parsed(arguments: str | Mapping[str, Any]) -> dict[str, Any]:
    """Parse `--model_args`, which from Python may also be a mapping."""
    if not isinstance(arguments, str):
        return dict(arguments)
    lone = [part for part in arguments.split(",") if part.strip() and "=" not in part]
    if lone:
        raise failed(f"lmms_vg: model_args {lone[0]!r} has no '='; allowed is name=value, such as pretrained=demo")
    parsed: dict[str, Any] = simple_parse_args_string(arguments)
    return parsed


def __getattr__(name: str) -> type[GroundedModel]:
    if name not in model_ids():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    family, method = model_ids()[name]
    model = type(name, (GroundedModel,), {"family": family, "method": method, "__module__": __name__})
    globals()[name] = model
    return model
