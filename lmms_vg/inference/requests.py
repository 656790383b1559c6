"""lmms-eval's requests as questions."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lmms_eval.api.instance import Instance

from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.host import options
from lmms_vg.host.failure import failed
from lmms_vg.inference.question import Message, Question
from lmms_vg.journal.decoding import Decoding
from lmms_vg.tasks import documents as docs
from lmms_vg.tasks import prompts
from lmms_vg.vision.images import open_rgb


class Requested(NamedTuple):
    """A question that lmms-eval asks.

    Attributes:
        image: names of its images, by which questions are grouped.
        place: of the request among all that were handed over, where the answer goes.
        doc_id: number of its document in the task.
        ours: whether the task is one of lmms_vg, which leave failures out of their scores.
    """

    image: str
    place: int
    question: Question
    doc_id: int
    ours: bool


def requested(requests: Sequence[Instance], task_dict: Mapping[str, Any]) -> list[Requested]:
    """The questions of all requests but padding, those about one image next to each other.

    Raises:
        RunFailed: or SystemExit, as `failure.failed`: generation settings that are not allowed.
    """
    repeats: Counter[tuple[str, int]] = Counter()
    made = []
    for place, request in enumerate(requests):
        if (request.metadata or {}).get("__padding_only__"):
            continue
        document = (request.task_name, request.doc_id)
        made.append(_requested(place, request, repeats[document], task_dict))
        repeats[document] += 1
    return sorted(made, key=lambda one: (one.image, one.place))


def _requested(place: int, request: Instance, repeat: int, task_dict: Mapping[str, Any]) -> Requested:
    _, doc_to_messages, settings, doc_id, task, split = request.args
    documents = task_dict[task][split]
    ours = set(docs.FEATURES) <= set(getattr(documents, "column_names", ()))
    # Only our tasks' documents are looked at here: others may decode images on access, or mean something else.
    doc = documents[doc_id] if ours else {}
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
    return Requested("|".join(doc.get("images") or ()), place, question, request.doc_id, ours)


def check_gen_kwargs() -> None:
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
