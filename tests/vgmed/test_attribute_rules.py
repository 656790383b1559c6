"""The questions by rules obey the guidelines, whatever the label."""

from __future__ import annotations

import pytest

from lmms_vg.vgmed.attribute_rules import RULES, modality_key, rule_questions
from lmms_vg.vgmed.guidelines import flags, repeated


@pytest.mark.parametrize("modality", sorted(RULES))
@pytest.mark.parametrize("label", ["left kidney", "lungs", "brain edema", "optic disc"])
def test_no_rule_is_flagged(modality: str, label: str) -> None:
    questions = rule_questions(modality, label)
    assert len(questions) == 3
    assert not any(repeated(questions))
    assert [flags(question, label) for question in questions] == [[], [], []]


def test_verbs_follow_the_label() -> None:
    assert rule_questions("MRI", "lungs")[0] == "Are the lungs hyperintense or hypointense?"
    assert rule_questions("MR", "liver")[0] == "Is the liver hyperintense or hypointense?"


@pytest.mark.parametrize(
    ("modality", "key"), [("CT", "ct"), ("MRI", "mr"), ("X-ray", "x-ray"), ("OCT", ""), ("Photo", "")]
)
def test_modalities(modality: str, key: str) -> None:
    assert modality_key(modality) == key
