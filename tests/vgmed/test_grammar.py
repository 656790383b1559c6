"""Articles and plurals in questions."""

from __future__ import annotations

import pytest

from lmms_vg.vgmed.grammar import article, noun
from lmms_vg.vgmed.localization import TEMPLATES


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        ("aorta", "Is there an aorta here?"),
        ("left kidney", "Is there a left kidney here?"),
        ("lungs", "Are there lungs here?"),
        ("ribs left", "Are there ribs left here?"),
        ("rib left 9", "Is there a rib left 9 here?"),
        ("vertebrae T9", "Are there vertebrae T9 here?"),
        ("ground glass opacities", "Are there ground glass opacities here?"),
        ("pancreas", "Is there a pancreas here?"),
        ("esophagus", "Is there an esophagus here?"),
        ("gluteus maximus left", "Is there a gluteus maximus left here?"),
        ("mass", "Is there a mass here?"),
        ("uterus", "Is there a uterus here?"),
        ("urinary bladder", "Is there a urinary bladder here?"),
        ("ulcer", "Is there an ulcer here?"),
        ("umbilical cord", "Is there an umbilical cord here?"),
        ("brain edema", "Is there brain edema here?"),
        ("NCR", "Is there an NCR here?"),
        ("T9 vertebra", "Is there a T9 vertebra here?"),
        ("L5 vertebra", "Is there an L5 vertebra here?"),
        ("scissors", "Are there scissors here?"),
        ("bus", "Is there a bus here?"),
    ],
)
def test_labels_in_a_sentence(label: str, sentence: str) -> None:
    assert noun(label).fill("{Is} there {a label} here?") == sentence


def test_all_templates_of_one_and_of_many() -> None:
    assert [noun("aorta").fill(template) for template in TEMPLATES] == [
        "Is there an aorta in the image?",
        "Can you see an aorta in the image?",
        "Does the image contain an aorta?",
        "Is an aorta present in this image?",
        "Do you see an aorta in the picture?",
        "Is the aorta visible in the image?",
        "Is there any sign of an aorta in the image?",
        "Can an aorta be found in this image?",
        "Does this image show an aorta?",
        "Is an aorta shown in the picture?",
    ]
    assert [noun("lungs").fill(template) for template in TEMPLATES] == [
        "Are there lungs in the image?",
        "Can you see lungs in the image?",
        "Does the image contain lungs?",
        "Are lungs present in this image?",
        "Do you see lungs in the picture?",
        "Are the lungs visible in the image?",
        "Is there any sign of lungs in the image?",
        "Can lungs be found in this image?",
        "Does this image show lungs?",
        "Are lungs shown in the picture?",
    ]


def test_articles_of_numbers() -> None:
    assert [article(words) for words in ("8 mm nodule", "11 ribs", "18 slices", "9 ribs", "81 ribs")] == [
        "an",
        "an",
        "an",
        "a",
        "an",
    ]
