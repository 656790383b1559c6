"""Invented questions and answers in the style of models: seeded documents of our tasks, to time scoring alone."""

from __future__ import annotations

import random
from typing import Any

#: A document and a model's answer.
Answered = tuple[dict[str, Any], str]

_WORDS = (
    "left right upper lower lung heart liver kidney brain chest abdomen pleural effusion mass nodule fracture normal "
    "enlarged opacity axial coronal mri ct contrast lesion the of in with and no evidence is seen"
)
WORDS = _WORDS.split()

#: Questions about one image: most VQA-RAD images have seven.
PER_IMAGE = 7

_CHOSEN = (
    "{letter}",
    "({letter})",
    "{letter}. {text}",
    "{text}",
    "The answer is {letter}.",
    "The correct option is {letter}: {text}, because the other ones do not fit what is seen.",
    "It looks like a {other}.",
)


def closed(n: int) -> list[Answered]:
    """Closed questions, half of them yes/no; answers are words, sentences, and answers to another question."""
    draw, answered = random.Random(0), []
    for number in range(n):
        binary = number % 2 == 0
        answer = draw.choice(("yes", "no")) if binary else _text(draw, 1, 3)
        text = draw.choice((answer, f"{answer.capitalize()}, {_text(draw, 3, 12)}.", _text(draw, 1, 20)))
        answered.append((_document("vqa_rad_closed", number, answer, draw), text))
    return answered


def choice(n: int, task: str) -> list[Answered]:
    """Questions with four options; answers are letters, texts, both, and sentences around them."""
    draw, answered = random.Random(1), []
    for number in range(n):
        options = [f"{_text(draw, 1, 5)} {letter}" for letter in "stuv"]
        letter, chosen = draw.choice("ABCD"), draw.choice("ABCD")
        text, other = options["ABCD".index(chosen)], draw.choice(options)
        document = _document(task, number, letter, draw) | {"options": options}
        answered.append((document, draw.choice(_CHOSEN).format(letter=chosen, text=text, other=other)))
    return answered


def opened(n: int) -> list[Answered]:
    """Open questions; references have one to six words, answers one to thirty."""
    draw = random.Random(2)
    documents = [_document("vqa_rad_open", number, _text(draw, 1, 6), draw) for number in range(n)]
    return [(document, _text(draw, 1, 30)) for document in documents]


def pairs(n: int) -> tuple[list[str], list[str]]:
    """`n` distinct answers, and their references."""
    draw = random.Random(3)
    return [f"{_text(draw, 1, 20)} {number}" for number in range(n)], [_text(draw, 1, 6) for _ in range(n)]


def _document(task: str, number: int, answer: str, draw: random.Random) -> dict[str, Any]:
    axes = {axis: draw.choice(WORDS) for axis in ("modality", "organ", "content_type", "question_type")}
    names = {"task": task, "uid": f"{task}/{number}", "image": f"image {number // PER_IMAGE}"}
    return {**names, **axes, "answer": answer, "options": []}


def _text(draw: random.Random, low: int, high: int) -> str:
    return " ".join(draw.choices(WORDS, k=draw.randint(low, high)))
