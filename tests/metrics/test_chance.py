"""Chance levels worked by hand, and those of the published questions."""

from __future__ import annotations

import doctest
import json
from pathlib import Path

import pytest

from lmms_vg.metrics import chance
from lmms_vg.metrics.chance import by_question, majority


def test_one_answer_to_all_questions() -> None:
    assert majority(["yes", "No", "Yes.", "no", "Lung"]) == (2, 5, "no", 5), "no comes before yes"
    assert majority(["B"]).score == 1
    with pytest.raises(ValueError, match="no references"):
        majority([])


def test_answers_of_training_to_the_same_text() -> None:
    """Twice yes and once no to the first text; a tie at the second goes to the first answer in training; yes is usual."""
    training = [("Is it CT?", a) for a in ("no", "yes", "Yes")] + [("Big?", "yes"), ("Big?", "no"), ("Where?", "Lung")]
    asked = [("is it  ct?", "yes"), ("Is it CT?", "no"), ("Big?", "yes"), ("New?", "Yes"), ("Where?", "lung")]
    assert by_question(asked, training) == (4, 5, "", 4)
    for questions, answers in (([], training), (asked, [])):
        with pytest.raises(ValueError, match="at least one of each"):
            by_question(questions, answers)


def test_slake_without_opening_an_image(shared_data: Path) -> None:
    def rows(*names: str) -> list[tuple[str, str]]:
        entries = [row for name in names for row in json.loads((shared_data / "slake" / name).read_text())]
        return [
            (row["question"], row["answer"])
            for row in entries
            if (row["q_lang"], row["answer_type"]) == ("en", "CLOSED")
        ]

    result = by_question(rows("test.json"), rows("train.json", "validate.json"))
    assert (result.right, result.n, result.known) == (277, 416, 389)


def test_vqa_rad_without_opening_an_image(shared_data: Path) -> None:
    entries = json.loads((shared_data / "vqa_rad" / "VQA_RAD Dataset Public.json").read_text())
    result = majority([str(row["answer"]) for row in entries if row["answer_type"] == "CLOSED"])
    assert (result.answer, result.right, result.n) == ("no", 606, 1297)


def test_docstring_examples() -> None:
    assert doctest.testmod(chance).failed == 0
