"""The guideline checks, against the paper's own examples (Figures I.3 to I.10), labelled by hand.

By its own guidelines the paper's examples are not all good ones: one asks where, two name the modality, one speaks of the
annotation, one asks for two findings, and two ask for what one image does not show.
"""

from __future__ import annotations

import pytest

from lmms_vg.vgmed.guidelines import flags, repeated

EXAMPLES: list[tuple[str, str, list[str]]] = [
    ("lesion", "Is the lesion hyper or hypointense?", []),
    ("lesion", "Is the lesion enhancing?", []),
    ("necrosis", "What does the area of necrosis look like?", []),
    ("lesion", "What pattern of enhancement does the lesion show?", []),
    ("lung", "Are there ground glass opacities within the lung?", []),
    ("kidney", "Is the kidney enlarged?", []),
    ("necrosis", "What is the size of the necrosis?", []),
    ("thyroid nodule", "Does the thyroid nodule have irregular or microlobulated margins?", []),
    ("thyroid nodule", "Does the thyroid nodule have marked hypoechogenicity?", []),
    ("thyroid nodule", "Does the thyroid nodule have multiple microcalcifications?", []),
    ("breast lesion", "Is the breast lesion homogeneous or heterogeneous?", []),
    ("breast lesion", "Does the breast lesion appear solid or cystic on ultrasound?", ["modality"]),
    ("pneumothorax", "What is the size of the pneumothorax?", []),
    ("pneumothorax", "Where is the pneumothorax?", ["position"]),
    ("lung field", "Does the lung field appear more opaque or translucent in the annotated region?", ["annotation"]),
    ("optic disc", "Is there any pallor observed in the optic disc?", []),
    ("optic disc", "Does the optic disc appear swollen or elevated?", []),
    ("optic disc", "Is there any evidence of swelling or pallor in the optic disc?", ["compound"]),
    ("polyp", "What is the size of the polyp?", []),
    ("colorectal polyp", "Does the colorectal polyp have a smooth or lobulated surface appearance?", []),
    ("polyp", "What is the mobility of the polyp?", ["unseen"]),
    ("lesion", "Does the lesion show increased radiotracer uptake on the PET scan?", ["modality"]),
    ("lesion", "Is the lesion hypo- or hyper-metabolic?", []),
    ("lesion", "What is the Standardized Uptake Value (SUV) of the lesion?", ["unseen"]),
    ("lesion", "What is the size of the lesion?", []),
    ("lesion", "Is the lesion hypo- or hyper pigmented?", []),
    ("lesion", "Does the lesion have peripheral black dots or clods?", []),
    ("skin lesion", "Does the skin lesion have thick lines (reticular or branched)?", []),
    ("lesion", "Does the lesion have Polymorphous vessels?", []),
]


def codes(question: str, label: str) -> list[str]:
    return [flag.code for flag in flags(question, label)]


def test_all_examples_are_here() -> None:
    assert len(EXAMPLES) == 29
    assert sum(bool(expected) for _, _, expected in EXAMPLES) == 7


@pytest.mark.parametrize(("label", "question", "expected"), EXAMPLES)
def test_the_papers_examples(label: str, question: str, expected: list[str]) -> None:
    assert codes(question, label) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Is the left kidney in the upper part?", ["position"]),
        ("Is the left kidney enlarged and does it have cysts?", ["compound"]),
        ("Is the left kidney enlarged or is it shrunken?", ["compound"]),
        ("Are there cysts or stones in the left kidney?", ["compound"]),
        ("Are there single or multiple cysts in the left kidney?", []),
        ("What are the size and shape of the left kidney?", ["compound"]),
        ("Is the left kidney smooth? Is it large?", ["compound"]),
        ("Is the left kidney malignant?", ["diagnosis"]),
        ("Is the left kidney brighter than the surrounding fat?", ["surroundings"]),
        ("Is the left kidney round on this axial CT?", ["modality", "plane"]),
        ("Is the left kidney inside the bounding box enlarged?", ["annotation"]),
        ("Describe the left kidney.", ["form"]),
        ("Is it enlarged?", ["label"]),
        ("Are the kidneys enlarged?", []),
    ],
)
def test_others(question: str, expected: list[str]) -> None:
    assert codes(question, "left kidney") == expected


def test_a_reason_quotes_the_words() -> None:
    assert flags("Where is the polyp?", "polyp")[0].reason == "asks or tells where it is: 'where'"


def test_repeated_questions() -> None:
    assert repeated(["Is it  large?", "Is it round?", "is it LARGE"]) == [False, False, True]
