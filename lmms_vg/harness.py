"""The lmms-eval model class: every `<family>_<method>` is a subclass of it with a family and a method.

lmms-eval resolves a model id to a dotted path; `__getattr__` creates `lmms_vg.harness.<family>_<method>` on demand.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from lmms_eval.api.instance import Instance
from lmms_eval.api.model import lmms
from lmms_eval.utils import simple_parse_args_string
from tqdm import tqdm

from lmms_vg import journal
from lmms_vg.attention import stages
from lmms_vg.extensions.registered import model_ids
from lmms_vg.host import failure, options
from lmms_vg.host.failure import failed
from lmms_vg.inference.build import build
from lmms_vg.inference.dealing import dealt
from lmms_vg.inference.outgoing import Outgoing
from lmms_vg.inference.question import Question
from lmms_vg.inference.requests import Requested, Requests, check_gen_kwargs
from lmms_vg.inference.run_checks import require_boxes, require_one_seed, warn_of_leaks
from lmms_vg.inference.run_report import report
from lmms_vg.journal import Record


class GroundedModel(lmms):  # type: ignore[misc]
    """A family with a method as a chat model of lmms-eval; see `inference.settings.Settings` for the arguments."""

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
        stages.forget()
        try:
            check_gen_kwargs()
            journal.check_home()
            self._answerer = build(self.family, self.method, self._rank, **self._arguments)
        except (ValueError, ImportError, journal.JournalError) as problem:  # an ImportError names a missing package
            raise failed(f"lmms_vg: {problem}") from None
        self._is_open = True

    @failure.not_swallowed()
    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Answer all requests; every answer is journalled at once.

        Questions are asked image after image, each image on one rank of the job; the records then go to the ranks that
        score them.
        """
        options.refuse("models")
        if not self._is_open:
            self._open()
        asked = Requests(requests, self.task_dict, self._rank, self._sampling_seed)
        self._check(asked)
        answers, unscorable = [""] * len(requests), Counter[str]()
        outgoing = Outgoing(self._rank)
        for request, record in chain(self._answered(asked), outgoing.exchange()):
            if request.rank != self._rank:
                outgoing.add(request, record)
                continue
            if not request.order.repeat:  # lmms-eval scores the first of repeated answers
                journal.remember(record)
            if record.error and not asked.is_ours(request.task):
                unscorable[request.task] += 1
            answers[request.place] = record.text
        self._sign(asked)
        report(self._answerer, unscorable, self._rank)
        return answers

    @property
    def _sampling_seed(self) -> int | None:
        stated: int | None = self._answerer.journal.provenance.get("sampling_seed")
        return stated

    def _check(self, asked: Requests) -> None:
        require_one_seed(asked, self._sampling_seed)
        require_boxes(self._answerer, asked)
        warn_of_leaks(self._answerer, asked.images, self._rank)

    def _sign(self, asked: Requests) -> None:
        """Sign the first document of each task, so that the samples file states what was run and what it took."""
        stated = {"host_options": options.recorded(), "spent": stages.spent()._asdict()}
        provenance = self._answerer.journal.provenance | stated
        for question in filter(None, map(asked.first, asked.tasks)):
            journal.sign(question.task, question.uid, provenance)

    def _answered(self, asked: Requests) -> Iterator[tuple[Requested, Record]]:
        """Yield what this rank asks with the records as they are answered, and show a progress bar."""
        mine = dealt(asked.own, self._rank)
        waiting: dict[Question, Requested] = {}

        def questions() -> Iterator[Question]:
            for request in mine:
                question = asked.question(request)
                waiting[question] = request
                yield question

        further = len(self._answerer.method_runs) - 1
        along = f" and {further} more" * (further > 0)
        name = f"{self.family}_{self.method}{along}"
        answered = self._answerer.answer(questions())
        counts = self._answerer.counts
        try:
            hidden = {"disable": True} if self._rank else {}  # else tqdm's own default, which TQDM_DISABLE sets
            with tqdm(total=len(mine), desc=name, unit="question", **hidden) as bar:
                for question, record in answered:
                    bar.set_postfix(failed=counts.failed, refresh=False)
                    bar.update()
                    yield waiting.pop(question), record
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
