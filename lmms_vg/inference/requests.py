"""Turn lmms-eval's requests into questions."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import Any, NamedTuple

from lmms_eval.api.instance import Instance

from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.host import options
from lmms_vg.host.failure import failed
from lmms_vg.inference.question import Message, Question
from lmms_vg.journal.decoding import Decoding
from lmms_vg.tasks import prompts
from lmms_vg.tasks.closed_sets import closed_set
from lmms_vg.tasks.document_fields import FIELDS
from lmms_vg.tasks.documents import patient_of
from lmms_vg.vision.images import open_rgb


class Order(NamedTuple):
    """The place of a request among all: index of its task, of its document there, and of its repetition of that document."""

    task: int
    document: int
    repeat: int


class Requested(NamedTuple):
    """A document that lmms-eval asks, once. It is small, so that all ranks can hold the documents of all ranks.

    Attributes:
        image: names of its images, joined by "|"; empty if the task belongs to somebody else, whose images have no names.
        order: where it stands among the requests of all ranks.
        task: name of the task.
        rank: the rank that lmms-eval asks and that scores the answer.
        place: index of the request, and of its answer, on that rank.
    """

    image: str
    order: Order
    task: str
    rank: int
    place: int


@dataclass(frozen=True)
class _Task:
    """Properties that all requests of a task have in common, and its documents."""

    name: str
    split: str
    documents: Any
    to_messages: Callable[[Any], list[dict[str, Any]]]
    reference: str
    decoding: Decoding
    align: bool
    ours: bool

    @classmethod
    def of(cls, request: Instance, task_dict: Mapping[str, Any], sampling_seed: int | None) -> _Task:
        _, to_messages, settings, _, name, split = request.args
        documents, metadata = task_dict[name][split], request.metadata or {}
        decoding = _decoding(name, settings, metadata.get("penalise_prompt", True))
        if sampling_seed is not None and decoding.do_sample:
            decoding = replace(decoding, seed=sampling_seed)
        return cls(
            name=name,
            split=split,
            documents=documents,
            to_messages=to_messages,
            reference=metadata.get("reference") or prompts.REFERENCE,
            decoding=decoding,
            align=bool(metadata.get("alignment")),
            ours=set(FIELDS) <= set(getattr(documents, "column_names", ())),
        )

    def column(self, name: str) -> Sequence[Any]:
        """Return a field of all documents; of our own tasks only: others may decode images on access."""
        values: Sequence[Any] = self.documents[name][:]
        return values

    @cached_property
    def images(self) -> list[str]:
        """Names of the images of each document, joined by "|"; empty if they are unknown."""
        return ["|".join(names) for names in self.column("images")] if self.ours else [""] * len(self.documents)

    def question(self, doc_id: int, repeat: int) -> Question:
        doc = self.documents[doc_id] if self.ours else {}
        return Question(
            task=self.name,
            uid=doc.get("uid", f"{self.split}/{doc_id}"),
            message=lambda: _message(self.to_messages(self.documents[doc_id])),
            reference=self.reference,
            decoding=self.decoding,
            boxes=doc.get("boxes") or (),
            align=self.align,
            repeat=repeat,
            choices=closed_set(doc) if self.ours else (),
            patient=patient_of(doc),
            others=lambda: self._others(doc_id, doc.get("uid", f"{self.split}/{doc_id}")),
        )

    @cached_property
    def _pools(self) -> dict[str, dict[str, int]]:
        """Modality -> image -> a document about it; all of one modality, and all images their own, if nothing is known."""
        modalities = self.column("modality") if self.ours else [""] * len(self.documents)
        pools: dict[str, dict[str, int]] = {}
        for doc_id, (modality, image) in enumerate(zip(modalities, self.images, strict=True)):
            pools.setdefault(modality, {}).setdefault(image or str(doc_id), doc_id)
        return pools

    def _others(self, doc_id: int, uid: str) -> Iterator[Message]:
        """Yield the messages of documents about other images of its modality, from one that the uid draws, in a circle."""
        pool = self._pools[self.documents[doc_id]["modality"] if self.ours else ""]
        images = list(pool)
        own = images.index(self.images[doc_id] or str(doc_id))
        first = Random(uid).randrange(len(images) - 1) if images[1:] else 0
        for step in range(len(images) - 1):
            image = images[(own + 1 + (first + step) % (len(images) - 1)) % len(images)]
            yield _message(self.to_messages(self.documents[pool[image]]))


class Requests:
    """The requests of this rank, and the questions of every rank: all ranks have all documents and a request of each task.

    Args:
        requests: requests of this rank, padding included.
        task_dict: documents by task and split, as lmms-eval gives them to the model.
        rank: rank of this process.
        sampling_seed: seed of the tasks that sample; None for their own.

    Attributes:
        own: what is asked of this rank, in the order of the requests, without padding.

    Raises:
        RunFailed: a generation setting is not allowed; SystemExit on the command line, as in `failure.failed`.
    """

    def __init__(
        self,
        requests: Sequence[Instance],
        task_dict: Mapping[str, Any],
        rank: int = 0,
        sampling_seed: int | None = None,
    ) -> None:
        self._tasks: dict[str, _Task] = {}
        repeats: Counter[tuple[str, int]] = Counter()
        self.own: list[Requested] = []
        for request in requests:
            if request.task_name not in self._tasks:
                self._tasks[request.task_name] = _Task.of(request, task_dict, sampling_seed)
        order = {name: index for index, name in enumerate(self._tasks)}
        for place, request in enumerate(requests):
            if (request.metadata or {}).get("__padding_only__"):
                continue
            task, doc_id = request.task_name, request.doc_id
            where = Order(order[task], doc_id, repeats[task, doc_id])
            self.own.append(Requested(self._tasks[task].images[doc_id], where, task, rank, place))
            repeats[task, doc_id] += 1

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks in the order of their requests; every rank has them all."""
        return list(self._tasks)

    @property
    def images(self) -> Iterator[str]:
        """Names of the images that this rank's own requests are about, with repetitions."""
        return (name for request in self.own for name in request.image.split("|") if name)

    @property
    def sampling(self) -> bool:
        """Whether any task samples its answers."""
        return any(task.decoding.do_sample for task in self._tasks.values())

    @property
    def boxed(self) -> bool:
        """Whether any document of this rank's own requests has annotated boxes."""
        columns = {name: task.column("boxes") for name, task in self._tasks.items() if task.ours}
        return any(columns[request.task][request.order.document] for request in self.own if request.task in columns)

    def first(self, task: str) -> Question | None:
        """Return the question about the first document of a task that is asked of this rank; None if none is."""
        asked = [request for request in self.own if request.task == task]
        return self.question(min(asked, key=lambda request: request.order)) if asked else None

    def is_ours(self, task: str) -> bool:
        """Return whether the task belongs to lmms_vg, whose tasks leave failures out of their scores."""
        return self._tasks[task].ours

    def question(self, requested: Requested) -> Question:
        """Return the question that any rank is asked."""
        return self._tasks[requested.task].question(requested.order.document, requested.order.repeat)


def check_gen_kwargs() -> None:
    """Refuse settings that are wrong for every task, before weights are read.

    Raises:
        RunFailed: a setting is not allowed; SystemExit on the command line, as in `failure.failed`.
    """
    settings = options.given().get("gen_kwargs")
    if isinstance(settings, Mapping):
        _decoding("--gen_kwargs", {"max_new_tokens": sys.maxsize, **settings})


def _decoding(where: str, settings: Mapping[str, Any], penalise_prompt: bool = True) -> Decoding:
    """Convert generation settings; an error concerns every question, so it ends the run."""
    try:
        return Decoding.from_lmms_eval(settings, penalise_prompt)
    except (ValueError, TypeError) as problem:
        message = f"lmms_vg: {where}: {problem}"
    raise failed(message)


def _message(messages: list[dict[str, Any]]) -> Message:
    """Return the single user message of an lmms-eval chat request: PIL images and texts in order.

    Raises:
        BadQuestion: several turns, a system prompt, or media that are not images.
    """
    if len(messages) != 1 or messages[0]["role"] != "user":
        raise BadQuestion(
            f"{len(messages)} messages with roles {[m['role'] for m in messages]}: allowed is one user message"
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
            raise BadQuestion(f"message part of type {part['type']!r}: allowed are image and text")
