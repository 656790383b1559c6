"""Open-ended metrics, compared with hand-computed values, nltk and plain loops, and on any text."""

from __future__ import annotations

import doctest
import math
import warnings
from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.bleu_score import sentence_bleu

from lmms_vg.metrics import open_ended
from lmms_vg.metrics.open_ended import (
    average,
    bleu1,
    exact_match,
    llava_med_recall,
    open_recall,
    signature,
    token_f1,
)
from lmms_vg.metrics.text import normalise

METRICS = [bleu1, open_recall, llava_med_recall, token_f1, exact_match]
WORDS = st.lists(st.sampled_from(["left", "Lung", "x-ray", "heart", "two", "the", "3.5", "."]), max_size=8).map(
    " ".join
)
TEXT = st.one_of(WORDS, st.text(max_size=30))


@pytest.mark.parametrize(
    ("answer", "reference", "bleu", "recall", "llava_med", "f1", "exact"),
    [
        ("left lung", "left lung", 1, 1, 1, 1, 1),
        ("The LEFT lung.", "left lung", 1, 1, 1, 1, 1),
        ("lung left", "left lung", 1, 1, 1, 1, 0),
        ("left left left", "left lung", 1 / 3, 1 / 2, 3 / 4, 2 / 5, 0),
        ("left", "left lung", math.exp(-1), 1 / 2, 1 / 2, 2 / 3, 0),
        ("left", "left lower lobe lung", math.exp(-3), 1 / 4, 1 / 4, 2 / 5, 0),
        ("in the left lung", "left lung", 2 / 3, 1, 1, 4 / 5, 0),  # "the" does not count
        (
            "lung",
            "lung lung heart",
            math.exp(-2),
            1 / 3,
            1 / 2,
            1 / 2,
            0,
        ),  # one recall counts the missing second "lung"
        ("lung", "heart heart lung", math.exp(-2), 1 / 3, 1 / 3, 1 / 2, 0),  # both recalls count each missing word
        ("pleural effusion", "left lung", 0, 0, 0, 0, 0),
        ("x-ray", "X Ray", 1, 1, 1, 1, 1),
        ("left-sided", "leftsided", 0, 0, 0, 0, 0),
        ("two", "2", 1, 1, 1, 1, 1),
        ("left\nlung", "left lung", 1, 1, 1, 1, 1),
        ("", "left lung", 0, 0, 0, 0, 0),
        ("...", "left lung", 0, 0, 0, 0, 0),
    ],
)
def test_by_hand(answer, reference, bleu, recall, llava_med, f1, exact) -> None:
    assert [metric(answer, reference) for metric in METRICS] == pytest.approx([bleu, recall, llava_med, f1, exact])


@pytest.mark.slow
@given(TEXT, TEXT)
def test_any_text_is_scored_like_plain_loops_and_within_range(answer: str, reference: str) -> None:
    said, wanted = normalise(answer).split(), normalise(reference).split()
    if not wanted:
        for metric in METRICS:
            with pytest.raises(ValueError, match="is empty"):
                metric(answer, reference)
        return
    left, common = list(said), 0
    for word in wanted:
        if word in left:
            left.remove(word)
            common += 1
    found, missing = 0, 0
    for word in {*said, *wanted}:
        found += said.count(word) if word in wanted else 0
        missing += wanted.count(word) if word not in said else 0
    precision, recall = common / max(1, len(said)), common / len(wanted)
    f1 = 2 * precision * recall / (precision + recall) if common else 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bleu = sentence_bleu([wanted], said, weights=(1, 0, 0, 0))
    expected = [bleu, recall, found / (found + missing), f1, float(said == wanted)]
    scores = [metric(answer, reference) for metric in METRICS]
    assert scores == pytest.approx(expected)
    assert all(isinstance(score, float) and 0 <= score <= 1 for score in scores)


def test_bleu_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for answer in ("", "lung", "right heart", "left lung", "left", "left lung and so on and so on"):
            bleu1(answer, "left lung")


@pytest.mark.parametrize("reference", ["", "  \n", "...", "\u200b"])
@pytest.mark.parametrize("metric", METRICS)
def test_an_empty_reference_is_refused(metric, reference: str) -> None:
    with pytest.raises(ValueError, match=r"reference answer .*empty"):
        metric("lung", reference)
    with pytest.raises(ValueError, match="is empty"):
        metric("", reference)


@pytest.mark.parametrize(
    ("row", "printed"),
    [
        ((28.6, 63.4, 27.0), 39.7),  # Table E.3, Qwen-VL-Chat: VQA-RAD, SLAKE, PathVQA
        ((28.9, 52.0, 33.6), 38.2),
        ((18.7, 45.1, 9.9), 24.6),
        ((22.1, 58.0, 21.9), 34.0),
    ],
)
def test_average_is_table_e3s(row: tuple[float, float, float], printed: float) -> None:
    assert average(*row) == pytest.approx(printed, abs=0.051)


def test_signature_names_case_words_and_library() -> None:
    assert signature("open_recall") == "open_recall|case:lower|words:normalised|v:1"
    assert signature("token_f1", 645) == "token_f1|case:lower|words:normalised|n:645|v:1"
    bleu = f"case:lower|words:normalised|smoothing:none|nltk:{version('nltk')}"
    assert signature("bleu1", 3) == f"bleu1|{bleu}|n:3|v:1"
    assert signature("average") == f"average|{bleu}|v:1"


def test_docstring_examples() -> None:
    assert doctest.testmod(open_ended) == (0, 4)
