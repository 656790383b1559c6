"""The rule that links SLAKE's questions to objects: single texts, and its counts on the real questions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lmms_vg.datasets import slake, slake_objects
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.slake_objects import Mention, linked, mentions, vocabulary

LUNG, LEFT_LUNG, RIGHT_LUNG = Mention("Lung"), Mention("Lung", "left"), Mention("Lung", "right")
LEFT_KIDNEY, RIGHT_KIDNEY = Mention("Kidney", "left"), Mention("Kidney", "right")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Does the picture contain liver?", {Mention("Liver")}),
        ("Where is the left kidney?", {LEFT_KIDNEY}),
        ("Is this the Right Kidney?", {RIGHT_KIDNEY}),
        ("How many kidneys are there in this image?", {Mention("Kidney")}),
        ("Which is bigger, the left lung or the right lung?", {LEFT_LUNG, RIGHT_LUNG}),
        ("Left Lung, Right Lung", {LEFT_LUNG, RIGHT_LUNG}),
        ("Are the left and right lungs symmetrical?", {LUNG}),
        ("What disease is shown on the lower right of the lung?", {RIGHT_LUNG}),
        ("the disease on the upper left lobe of lung", {LEFT_LUNG}),
        ("Which organ is on the left of the right kidney?", {RIGHT_KIDNEY}),
        ("Is the spleen on the left of the liver?", {Mention("Spleen"), Mention("Liver")}),
        ("Is it lung cancer?", {Mention("Lung Cancer")}),
        ("Brain Non-enhancing Tumor", {Mention("Brain Non-enhancing Tumor")}),
        ("Is there a brain tumor?", {Mention("Brain Enhancing Tumor"), Mention("Brain Non-enhancing Tumor")}),
        ("Large Bowel", {Mention("Colon")}),
        ("Small intestine", {Mention("Small Bowel")}),
        ("Does the picture contain spine cord?", {Mention("Spinal Cord")}),
        ("Are the teeth visible?", {Mention("Tooth")}),
        ("Control heartbeat and breathing", set()),
        ("Which is the largest organ? It appears clear.", set()),
        ("Where does the delivery end?", set()),
        ("", set()),
    ],
)
def test_what_a_text_names(text: str, expected: set[Mention]) -> None:
    assert mentions(text) == expected


def test_the_question_counts_before_the_answer() -> None:
    assert linked("Where is the left lung?", "Beside the heart") == {LEFT_LUNG}
    assert linked("What is the largest organ?", "Right Lung") == {RIGHT_LUNG}
    assert linked("Is it normal?", "No") == frozenset()


def test_sides_are_kept_apart_but_only_where_they_are_named() -> None:
    assert RIGHT_KIDNEY.means(RIGHT_KIDNEY)
    assert not RIGHT_KIDNEY.means(LEFT_KIDNEY)
    assert not RIGHT_KIDNEY.means(Mention("Kidney"))
    assert Mention("Kidney").means(LEFT_KIDNEY)
    assert not LEFT_LUNG.means(LEFT_KIDNEY)


def test_every_label_of_the_masks_names_exactly_one_object_and_its_side() -> None:
    for label in vocabulary().mask_values:
        (named,) = mentions(label)
        assert label.lower() == f"{named.side} {named.name}".strip().lower()
    sided = [name for name, words in vocabulary().objects.items() if words.sides]
    assert all({f"Left {name}", f"Right {name}"} <= set(vocabulary().mask_values) for name in sided)


@pytest.fixture
def questions(real_data: Path) -> list[Sample]:
    return [*slake.load("closed"), *slake.load("open")]


def counted(questions: list[Sample], named: list[tuple[bool, bool]]) -> dict[str, int]:
    """Questions that name an object in the question, or in question or answer."""
    rows = list(zip(questions, named, strict=True))
    test = [(sample, found) for sample, found in rows if sample.split == "test"]
    closed = [(sample, found) for sample, found in test if sample.answer_type == "CLOSED"]
    return {
        "question": sum(found[0] for _, found in rows),
        "either": sum(found[1] for _, found in rows),
        "test question": sum(found[0] for _, found in test),
        "test either": sum(found[1] for _, found in test),
        "test closed": sum(found[1] for _, found in closed),
        "test closed yes": sum(found[1] for sample, found in closed if sample.answer == "Yes"),
    }


@pytest.fixture
def labels_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The rule without synonyms and without findings that have no mask."""
    real = vocabulary()
    masked = {named.name for label in real.mask_values for named in mentions(label)}
    objects = {name: words.model_copy(update={"also": []}) for name, words in real.objects.items() if name in masked}
    monkeypatch.setattr(slake_objects, "vocabulary", lambda: real.model_copy(update={"objects": objects}))
    slake_objects._names.cache_clear()
    yield
    slake_objects._names.cache_clear()


def test_counts_on_the_real_questions_with_the_labels_of_mask_txt_alone(
    questions: list[Sample], labels_alone: None
) -> None:
    """The numbers of a count that was made apart from this code, with the labels of mask.txt as they are."""
    named = [(bool(mentions(s.question)), bool(linked(s.question, s.answer))) for s in questions]
    assert len(questions) == 7033
    assert len({sample.images[0] for sample in questions}) == 642
    assert counted(questions, named) == {
        "question": 2423,
        "either": 3515,
        "test question": 359,
        "test either": 519,
        "test closed": 226,
        "test closed yes": 90,
    }


def test_questions_that_name_a_disease_but_no_label_of_mask_txt(questions: list[Sample], labels_alone: None) -> None:
    """607, as counted apart from this code; most say "disease" or "abnormal" only, which no label can be linked to."""
    findings = "edema tumor cancer pneumonia mass nodule effusion atelectasis cardiomegaly pneumothorax infiltration"
    words = [*findings.split(), "disease", "abnormal", "abnormality"]
    pattern = re.compile(rf"\b(?:{'|'.join(words)})s?\b|\babnormalities\b", re.IGNORECASE)
    only = [
        sample
        for sample in questions
        if not linked(sample.question, sample.answer) and pattern.search(f"{sample.question} | {sample.answer}")
    ]
    assert len(only) == 607
    test = [sample for sample in only if sample.split == "test"]
    assert len(test) == 86
    closed = [sample for sample in test if sample.answer_type == "CLOSED"]
    assert (len(closed), sum(sample.answer == "Yes" for sample in closed)) == (28, 21)


def test_counts_on_the_real_questions_with_synonyms_and_findings(questions: list[Sample]) -> None:
    named = [(bool(mentions(s.question)), bool(linked(s.question, s.answer))) for s in questions]
    assert counted(questions, named) == {
        "question": 2525,
        "either": 3695,
        "test question": 377,
        "test either": 547,
        "test closed": 228,
        "test closed yes": 92,
    }
    counts = slake.SLAKE.counts
    assert sum(number for part, number in counts.items() if part.startswith("named")) == 3695
    assert counts["named closed/test"] + counts["named open/test"] == 547
