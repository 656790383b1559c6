"""Turn lmms-eval's requests into questions."""

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
        image: names of its images, joined by "|"; questions are grouped by it.
        place: index of the request, and of its answer.
        question: the question.
        doc_id: index of its document in the task.
        ours: whether the task belongs to lmms_vg, whose tasks leave failures out of their scores.
    """

    image: str
    place: int
    question: Question
    doc_id: int
    ours: bool


def requested(requests: Sequence[Instance], task_dict: Mapping[str, Any]) -> list[Requested]:
    """Return the questions of all requests except padding, grouped by image.

    Raises:
        RunFailed: a generation setting is not allowed; SystemExit on the command line, as in `failure.failed`.
    """
    repeats: Counter[tuple[str, int]] = Counter()
    questions = []
    for place, request in enumerate(requests):
        if (request.metadata or {}).get("__padding_only__"):
            continue
        document = (request.task_name, request.doc_id)
        questions.append(_requested(place, request, repeats[document], task_dict))
        repeats[document] += 1
    return sorted(questions, key=lambda request: (request.image, request.place))


def _requested(place: int, request: Instance, repeat: int, task_dict: Mapping[str, Any]) -> Requested:
    _, doc_to_messages, settings, doc_id, task, split = request.args
    documents = task_dict[task][split]
    ours = set(docs.FEATURES) <= set(getattr(documents, "column_names", ()))
    # Read only our own tasks' documents: others may decode images on access, or give fields another meaning.
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
