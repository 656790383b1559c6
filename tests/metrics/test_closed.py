"""Rules for closed questions: each case is one that some scorer gets wrong."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmms_vg.metrics import closed as module
from lmms_vg.metrics.closed import RULES, Verdict, closed, exact, llava_med, signature

YES_NO = [
    ("no", "no", "the word"),
    ("No.", "no", "with a full stop"),
    ("YES!", "yes", "in capitals"),
    ("  yes \n", "yes", "with space around"),
    ("Yes, no effusion is seen.", "yes", "the first word decides"),
    ("The answer is: no", "no", "in a sentence"),
    ("No doubt, yes.", "no", "even turned around: a known limit"),
    ("yes/no", "yes", "first of two, with a slash"),
    ("Yes or no? No.", "yes", "first of two, an echo of the question"),
    ("yes\nno", "yes", "first of two lines"),
    ("Answer:no", "no", "after a colon"),
    ("*yes*", "yes", "italics"),
    ("_No_, it is clear", "no", "italics with underscores"),
    ("**No**", "no", "bold"),
    ("'no'", "no", "quoted"),
    ("“Yes”", "yes", "quoted, curly"),
    ("No—the heart is small", "no", "before a dash"),
    ("- no", "no", "in a list"),
    ("-no", "no", "in a list, no space"),
    ("Ｙｅｓ", "yes", "full width"),
    ("y\u200bes", "yes", "with an invisible character"),
    ("是的, yes。", "yes", "Chinese around it"),
    ("Normal", None, "normal contains no"),
    ("unknown", None, "unknown contains no"),
    ("nodule", None, "nodule starts with no"),
    ("not sure", None, "not is not no"),
    ("I do not know", None, "neither is know"),
    ("none", None, "none"),
    ("nothing", None, "nothing"),
    ("cannot tell", None, "cannot"),
    ("Non-contrast", None, "non-contrast"),
    ("no-one can tell", None, "joined by a hyphen"),
    ("all-no", None, "joined by a hyphen in front"),
    ("no’s", None, "joined by an apostrophe"),
    ("yesterday", None, "yesterday starts with yes"),
    ("eyes", None, "eyes ends in yes"),
    ("no2", None, "a formula"),
    ("nо", None, "a Cyrillic o"),
    ("nó", None, "another word in Italian"),
    ("0", None, "a number"),
    ("y", None, "a letter"),
    ("", None, "nothing at all"),
    (" \n", None, "only space"),
]

WHOLE = [
    ("The liver.", "Liver", True, "article and full stop"),
    ("  left\n lung ", "Left Lung", True, "spaces"),
    ("a CT", "CT", True, "article"),
    ("x ray", "X-Ray", True, "hyphen"),
    ("4", "four", True, "number word in the reference"),
    ("Four.", "4", True, "number word in the answer"),
    ("4.0", "4", False, "another way to write a number"),
    ("maybe", "Maybe ", True, "maybe, trailing space"),
    ("Not sure", "not sure", True, "not sure"),
    ("both", "Both", True, "both"),
    ("both sides", "Both", False, "both, and more"),
    ("no", "None", False, "no is not none"),
    ("no", "Non-contrast", False, "no is not non-contrast"),
    ("lung", "Left Lung", False, "no partial credit"),
    ("left lung and right lung", "Left Lung", False, "a list"),
    ("It is the liver.", "Liver", False, "a sentence"),
    ("xray", "X-Ray", False, "glued"),
    ("anterior", "terior", False, "an is an article only as a word"),
    ("the", "the", True, "only an article"),
    ("A", "a", True, "only a letter"),
    ("vitamin", "vitamin a", False, "the last word is no article"),
    ("yes", "Lung", False, "yes to another question"),
    ("Yes, no!", "yes/no", True, "a reference of both words"),
    ("<s>Liver</s>", "Liver", True, "tokens of a chat format"),
    ("<|im_start|>assistant\nliver<|im_end|>", "Liver", True, "more of them"),
    ("", "Lung", False, "nothing"),
]

SUBSTRING = [
    ("No", "no", True, "the word"),
    ("yes", "no", False, "the other word"),
    ("Normal", "No", True, "normal counts as no"),
    ("unknown", "No", True, "unknown counts as no"),
    ("I do not know", "No", True, "so does not knowing"),
    ("A nodule is seen", "no", True, "so does a nodule"),
    ("cannot tell", "no", True, "so does cannot"),
    ("non-contrast", "no", True, "so does non-contrast"),
    ("None", "no", None, "none becomes 0 first"),
    ("nothing", "no", True, "nothing counts as no"),
    ("yes and no", "yes", True, "both words: right for yes"),
    ("yes and no", "no", True, "both words: right for no"),
    ("Yes, normal", "no", True, "right by the other word"),
    ("eyes", "Yes ", True, "eyes count as yes"),
    ("effusion", "yes", None, "neither"),
    ("", "no", None, "nothing"),
    ("Liver", "Liver", None, "another reference needs yes or no beside it"),
    ("Yes, the liver", "Liver", True, "and has it here"),
    ("no", "Normal", False, "reference longer than the answer"),
]


def names(cases: list) -> list[str]:
    return [case[-1] for case in cases]


@pytest.mark.parametrize(("answer", "extracted", "_why"), YES_NO, ids=names(YES_NO))
@pytest.mark.parametrize("reference", ["Yes", "no ", "NO.", "YES "])
def test_yes_no_needs_the_word(answer: str, extracted: str | None, reference: str, _why: str) -> None:
    assert closed(answer, reference) == Verdict(extracted, extracted == reference.strip(" .").lower())


@pytest.mark.parametrize(("answer", "reference", "correct", "_why"), WHOLE, ids=names(WHOLE))
@pytest.mark.parametrize("rule", [closed, exact])
def test_other_answers_match_whole(rule, answer: str, reference: str, correct: bool, _why: str) -> None:
    assert rule(answer, reference).correct is correct


def test_exact_does_not_search_sentences_for_yes() -> None:
    assert exact("Yes, it is.", "yes") == ("yes it is", False)
    assert closed("Yes, it is.", "yes").correct


@pytest.mark.parametrize("answer", ["", " ", "...", "\u200b"])
@pytest.mark.parametrize("rule", RULES.values())
def test_silence_is_unparseable(rule, answer: str) -> None:
    assert rule(answer, "liver") == rule(answer, "no") == Verdict(None, False)


@pytest.mark.parametrize(("answer", "reference", "correct", "_why"), SUBSTRING, ids=names(SUBSTRING))
def test_llava_med_takes_substrings(answer: str, reference: str, correct: bool | None, _why: str) -> None:
    verdict = llava_med(answer, reference)
    assert verdict.correct is bool(correct)
    assert (verdict.extracted is None) == (correct is None)


@given(st.lists(st.sampled_from(["yes", "no", "normal", "eyes", "left", "lung", "cannot"])).map(" ".join))
def test_llava_med_is_the_released_condition(answer: str) -> None:
    for reference in ("yes", "no", "lung"):
        expected = ("yes" in answer or "no" in answer) and reference in answer
        assert llava_med(answer.upper(), reference).correct is expected


@pytest.mark.parametrize("reference", ["", " ", ".", "\u200b"])
@pytest.mark.parametrize("rule", RULES.values())
def test_empty_reference_matches_nothing_not_even_silence(rule, reference: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        rule("", reference)


@pytest.mark.slow
@given(st.text() | st.text("yesnoYESNO -.'/\n"), st.sampled_from(["yes", "No.", "Left Lung", "4"]))
def test_any_text_gets_a_verdict(answer: str, reference: str) -> None:
    for rule in RULES.values():
        verdict = rule(answer, reference)
        assert isinstance(verdict.correct, bool)
        assert verdict.extracted or verdict == Verdict(None, False)
        assert rule(f" {answer}\n", reference) == verdict
    assert closed(answer, "yes").extracted in ("yes", "no", None)


@given(st.text())
def test_an_answer_is_its_own_reference(answer: str) -> None:
    for rule in (closed, exact):
        try:
            verdict = rule(answer, answer)
        except ValueError:
            assert exact(answer, "liver").extracted is None
        else:
            assert verdict.correct


def test_signature_names_rule_n_and_its_own_version() -> None:
    version = "case:lower|v:2"
    assert signature() == f"closed|rule:yes-no-word+normalised-match|{version}"
    assert signature("exact") == f"exact|rule:normalised-match|{version}"
    assert signature("llava_med", n=0) == "llava_med|rule:substring|case:lower|n:0|v:1"
    assert signature("closed", 1297) == "closed|rule:yes-no-word+normalised-match|case:lower|n:1297|v:2"
    with pytest.raises(ValueError, match="rule 'loose': allowed is closed, exact, llava_med"):
        signature("loose")


def test_examples_in_the_documentation() -> None:
    assert doctest.testmod(module) == (0, 5)
