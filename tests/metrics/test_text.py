"""VQAv2's normalisation: agreement with lmms-eval's processor, and the intended differences."""

from __future__ import annotations

import doctest
import importlib.util
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lmms_vg.metrics import text
from lmms_vg.metrics.text import canonical, normalise, words


def vqav2_processor():
    """lmms-eval's port of VQAv2's processor, loaded by path because importing lmms_eval.tasks takes seconds."""
    package = importlib.util.find_spec("lmms_eval").submodule_search_locations[0]
    path = Path(package) / "tasks" / "_task_utils" / "vqa_eval_metric.py"
    spec = importlib.util.spec_from_file_location("vqa_eval_metric", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EvalAIAnswerProcessor()


VQAV2 = vqav2_processor()

AGREED = [
    ("Yes.", "yes"),
    (" The  left Lung. ", "left lung"),
    ("left\n lung\t", "left lung"),
    ("X-Ray", "x ray"),
    ("x ray", "x ray"),
    ("xray", "xray"),  # differs from x-ray in both
    ("T2-weighted", "t2 weighted"),
    ("an MRI of the head", "mri of head"),
    ("anterior", "anterior"),
    ("1.5 cm", "1.5 cm"),
    ("1,000", "1000"),
    ("four", "4"),
    ("4.", "4"),
    ("None", "0"),
    ("ten", "10"),
    ("someone", "someone"),
    ("(liver)", "liver"),
    ("liver/spleen", "liver spleen"),
    ("no?", "no"),
    ("Is it? No!", "is it no"),
    ("50%", "50%"),
    ("肺", "肺"),
    ("फेफड़े", "फेफड़े"),  # its vowel signs are not word characters in re
    ("", ""),
]

DIFFERENT = [
    ("Vitamin A", "vitamin a", "vitamin", "the last word is no article"),
    ("The", "the", "", "nor is the only one"),
    ("left- sided, small-bowel", "left sided small bowel", "left sided smallbowel", "punctuation parts words"),
    ("L4,5", "l4 5", "l45", "that comma is no thousands separator"),
    ("fig.5", "fig 5", "fig.5", "that period is no decimal point"),
    ("Crohn's", "crohns", "crohn 's", "one word"),
    ("Crohn’s", "crohns", "crohn’s", "whatever the apostrophe"),
    ("isn't", "isnt", "isn't", "contractions lose the apostrophe, so no table is needed"),
    ("*left* lung:", "left lung", "*left* lung:", "markdown and colons are punctuation"),
    ("ER+", "er+", "er", "a sign at the end of a word is a finding"),
    ("-100 HU", "-100 hu", "100 hu", "the sign of a number"),
    ("< 5 mm", "<5 mm", "5 mm", "and its comparison"),
    ("twelve", "12", "twelve", "pairs of ribs"),
    ("Ｘ－ｒａｙ", "x ray", "ｘ－ｒａｙ", "full width"),
    ("cm²", "cm2", "cm²", "compatibility characters"),
    ("left\u00adlung\u200b", "leftlung", "left\u00adlung\u200b", "invisible characters"),
    ("left–right", "left right", "left–right", "dashes"),
    ("右肺。", "右肺", "右肺。", "Chinese punctuation"),
]


@pytest.mark.parametrize(("answer", "normal"), AGREED, ids=repr)
def test_as_vqav2(answer: str, normal: str) -> None:
    assert normalise(answer) == normal == VQAV2(answer)


@pytest.mark.parametrize(("answer", "ours", "theirs", "_why"), DIFFERENT, ids=[case[3] for case in DIFFERENT])
def test_other_than_vqav2_on_purpose(answer: str, ours: str, theirs: str, _why: str) -> None:
    assert (normalise(answer), VQAV2(answer)) == (ours, theirs)


PLAIN = ["left", "lung", "the", "a", "an", "t2", "x-ray", "(ct)", "one", "two", "none", "3", "1.5", "No.", "yes!"]


@given(st.lists(st.sampled_from(PLAIN), max_size=6).map(" ".join))
def test_plain_answers_are_as_vqav2_but_for_a_last_article(answer: str) -> None:
    assert normalise(f"{answer} seen") == VQAV2(f"{answer} seen")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ER+", "ER-"),
        ("<5 mm", ">5 mm"),
        ("<= 5", "< 5"),
        ("-100", "100"),
        ("-.5", ".5"),
        ("1.5", "15"),
        ("3+", "3"),
        ("vitamin a", "vitamin"),
        ("left lung", "lung"),
        ("no", "nо"),  # a Cyrillic o
    ],
)
def test_stays_different(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CT+PET", "CT/PET"),
        ("5-10", "5–10"),
        ("−5", "-5"),
        ("(-5)", "-5"),
        ("≥ 5", ">=5"),
        ("≤5", "<= 5"),
        ("left > right", "left right"),
        ("½", "1/2"),
        ("the a the", "the"),
        ("T1 + contrast", "T1 contrast"),
        ("_left_ `lung`", "left lung"),
        ("e\u0301chographie", "Échographie"),
        ("1,234,567.5", "1234567.5"),
        ("12.", "twelve"),
        ("left…", "left"),
        ("doesn’t", "doesnt"),
    ],
)
def test_is_the_same(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


def test_canonical_keeps_case_and_lines() -> None:
    assert canonical("（Ｂ）\n“No”—it isn´t") == "(B)\n“No” - it isn't"


TRICKY = st.text("aA theon15.,-–+<>=≤'’_(~é\u0301\u0307İ\u200bＢ½ϓ%\n/`´⁻ŉ。")


@given(st.text() | TRICKY)
@example("e'\u0301")
@example("(++")
@example("_+")
def test_normalise_is_idempotent(answer: str) -> None:
    once = normalise(answer)
    assert normalise(once) == once
    assert words(" ".join(words(answer))) == words(answer)


@given(st.text() | TRICKY, st.sampled_from([" ", "\n", "\u00a0", "\u200b", ".", " !"]))
def test_normalise_ignores_edges(answer: str, edge: str) -> None:
    assert normalise(f" {answer}") == normalise(f"{answer} {edge}") == normalise(answer)


def test_examples_in_the_documentation() -> None:
    assert doctest.testmod(text).failed == 0
