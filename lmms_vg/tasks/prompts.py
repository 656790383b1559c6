"""The paper's and HuatuoGPT-Vision's prompt templates, as text and as lmms-eval messages.

An empty question gives an empty prompt, which every model refuses: with the instruction alone it would answer with a guess.
"""

from __future__ import annotations

from string import ascii_uppercase
from typing import Any

from lmms_vg.datasets.images import open_image
from lmms_vg.datasets.schema import MARK

Doc = dict[str, Any]

INSTRUCTION = "Answer the question using a single word or phrase."
LETTER = "Answer with the option's letter from the given choices directly."

#: The reference prompt of tasks whose `metadata` states none: that of VGMED measurements (paper, Section 2.2).
REFERENCE = f"Write a general description of the image. {INSTRUCTION}"


def measurement(doc: Doc) -> str:
    """Return the prompt of VGMED measurements: a space before the instruction, as in the paper's released code."""
    return f"{doc['question']} {INSTRUCTION}" if doc["question"].strip() else ""


def short_answer(doc: Doc) -> str:
    """Open and closed questions: a line break before the instruction (paper, Fig. I.12)."""
    return f"{doc['question']}\n{INSTRUCTION}" if doc["question"].strip() else ""


def choice(doc: Doc) -> str:
    """Multiple choice: one lettered option per line, then the instruction (paper, Fig. I.13; also HuatuoGPT-Vision's)."""
    if not doc["question"].strip() or not doc["options"]:
        return ""
    options = [f"{letter}. {option}" for letter, option in zip(ascii_uppercase, doc["options"], strict=False)]
    return "\n".join([doc["question"], *options, LETTER])


def mmmu(doc: Doc) -> str:
    """MMMU has both kinds: `choice` for a question with options, else `short_answer`."""
    return choice(doc) if doc["options"] else short_answer(doc)


def mmmu_messages(doc: Doc) -> list[dict[str, Any]]:
    """Return the single user message of an MMMU question, with each image at its first mark `<image 1>`.

    Later marks of the same image become the words "image 1". Images without a mark come first.

    Raises:
        DataError: as `open_image`.
    """
    images = [open_image(uri) for uri in doc["images"]]
    content: list[dict[str, Any]] = []
    waiting = dict(enumerate(images, start=1))
    start = 0
    text = mmmu(doc)
    for mark in MARK.finditer(text):
        image = waiting.pop(int(mark[1]), None)
        if image is not None:
            content += [_text(text[start : mark.start()]), {"type": "image", "url": image}]
            start = mark.end()
    content.append(_text(text[start:]))
    unnamed = [{"type": "image", "url": image} for image in waiting.values()]
    shown = [part for part in content if part["type"] == "image" or part["text"]]
    return [{"role": "user", "content": unnamed + shown}]


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": MARK.sub(r"image \1", text).strip("\n ")}
