"""Prompt templates of the paper and of HuatuoGPT-Vision, and images at their marks in MMMU questions."""

from __future__ import annotations

from typing import Any

import pytest

from lmms_vg.tasks import documents, prompts

OPTIONS = ["CT", "<image 2>", "None"]


def doc(question: str, options: list[str] | None = None, images: int = 1) -> dict[str, Any]:
    uris = [f"demo:standard/{number}" for number in range(images)]
    return {"question": question, "options": options or [], "images": uris}


def test_templates() -> None:
    """Figs. I.12 and I.13 of the paper; measurements have a space instead of the line break."""
    assert prompts.short_answer(doc("Is it?")) == "Is it?\nAnswer the question using a single word or phrase."
    assert prompts.measurement(doc("Is it?")) == "Is it? Answer the question using a single word or phrase."
    assert prompts.choice(doc("Which?", ["CT", "MRI"])) == (
        "Which?\nA. CT\nB. MRI\nAnswer with the option's letter from the given choices directly."
    )
    assert prompts.mmmu(doc("Which?", ["CT", "MRI"])) == prompts.choice(doc("Which?", ["CT", "MRI"]))
    assert prompts.mmmu(doc("How many?")) == prompts.short_answer(doc("How many?"))


@pytest.mark.parametrize("template", [prompts.short_answer, prompts.measurement, prompts.mmmu])
def test_an_empty_question_asks_nothing(template: Any) -> None:
    assert template(doc("  ")) == ""
    assert prompts.choice(doc("  ", ["CT"])) == prompts.choice(doc("Which?")) == ""


def shown(question: str, options: list[str] | None = None, images: int = 1) -> list[str]:
    (message,) = prompts.mmmu_messages(doc(question, options, images))
    assert message["role"] == "user"
    sizes = {id(part["url"]) for part in message["content"] if part["type"] == "image"}
    assert len(sizes) == images
    return [part.get("text", "IMAGE") for part in message["content"]]


@pytest.mark.parametrize(
    ("question", "images", "expected"),
    [
        ("See <image 1> there.", 1, ["See", "IMAGE", "there."]),
        ("<image 1> and <image 2>", 2, ["IMAGE", "and", "IMAGE"]),
        ("<image 2> before <image 1>", 2, ["IMAGE", "before", "IMAGE"]),
        ("No mark.", 1, ["IMAGE", "No mark."]),
        ("Only <image 2>.", 2, ["IMAGE", "Only", "IMAGE", "."]),
        ("<image 1> again <image 1>", 1, ["IMAGE", "again image 1"]),
        ("<image 3> is not there", 1, ["IMAGE", "image 3 is not there"]),
    ],
)
def test_images_stand_where_their_marks_are(question: str, images: int, expected: list[str]) -> None:
    texts = shown(question, None, images)
    instruction = "Answer the question using a single word or phrase."
    assert [part.removesuffix(instruction).strip("\n") for part in texts] == [*expected] + [""] * (
        len(texts) - len(expected)
    )
    assert texts[-1].endswith(instruction)


def test_marks_in_options_are_images_too() -> None:
    assert shown("Which?", OPTIONS, 2) == [
        "IMAGE",
        "Which?\nA. CT\nB.",
        "IMAGE",
        "C. None\nAnswer with the option's letter from the given choices directly.",
    ]


def test_the_right_image_stands_at_each_mark() -> None:
    (message,) = prompts.mmmu_messages(doc("<image 2> before <image 1>", None, 2))
    first, second = (part["url"] for part in message["content"] if part["type"] == "image")
    expected = documents.visual(doc("", images=2))
    assert (first.tobytes(), second.tobytes()) == (expected[1].tobytes(), expected[0].tobytes())
