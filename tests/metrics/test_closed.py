"""Closed and exact rules: each case is a trap some scorer fell into."""

import pytest

from lmms_vg import __version__
from lmms_vg.metrics.closed import closed, exact, normalise, signature


@pytest.mark.parametrize(
    ("answer", "extracted"),
    [
        ("no", "no"),
        ("No.", "no"),
        ("YES!", "yes"),
        ("Yes, no effusion is seen.", "yes"),  # the first word decides
        ("The answer is: no", "no"),
        ("No doubt, yes.", "no"),  # a known limit of the rule
        ("*yes*", "yes"),
        ("yes\nno", "yes"),
        ("Normal", None),  # contains "no"
        ("unknown", None),
        ("nodule", None),
        ("not sure", None),
        ("I do not know", None),
        ("none", None),
        ("non-contrast", None),
        ("no-one can tell", None),
        ("yesterday", None),
        ("nо", None),  # a Cyrillic o
        ("", None),
    ],
)
@pytest.mark.parametrize("reference", ["Yes", "no "])
def test_yes_no_needs_the_word(answer: str, extracted: str | None, reference: str) -> None:
    verdict = closed(answer, reference)
    assert verdict.extracted == extracted
    assert verdict.correct == (extracted == reference.strip().lower())


@pytest.mark.parametrize(
    ("answer", "reference", "correct"),
    [
        ("The liver.", "Liver", True),
        ("  left\n lung ", "Left Lung", True),
        ("a CT", "CT", True),
        ("lung", "Left Lung", False),  # no partial credit
        ("left lung and right lung", "Left Lung", False),
        ("xray", "X-Ray", False),
        ("anterior", "terior", False),  # "an" is an article only as a word
        ("the", "the", True),
        ("A", "a", True),
        ("vitamin", "vitamin a", False),
        ("yes", "Lung", False),
        ("", "Lung", False),
    ],
)
@pytest.mark.parametrize("rule", [closed, exact])
def test_other_answers_match_whole(rule, answer: str, reference: str, correct: bool) -> None:
    assert rule(answer, reference).correct is correct


def test_exact_does_not_search_sentences_for_yes() -> None:
    assert not exact("Yes, it is.", "yes").correct
    assert closed("Yes, it is.", "yes").correct


@pytest.mark.parametrize("reference", ["", " ", "."])
@pytest.mark.parametrize("rule", [closed, exact])
def test_empty_reference_matches_nothing_not_even_silence(rule, reference: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        rule("", reference)


def test_normalise_is_idempotent() -> None:
    for text in (" The  left Lung. ", "(a) An X-ray!", "the a the", '"T2"'):
        assert normalise(normalise(text)) == normalise(text) or text == "the a the"
    assert normalise("the a the") == "a the"  # one leading article, no more


def test_signature_names_rule_and_version() -> None:
    assert signature() == f"closed|rule:yes-no-word,exact|case:lower|v:{__version__}"
