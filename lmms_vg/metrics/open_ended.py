"""Metrics for free answers by their words: BLEU-1, two recalls, F1 and exact match.

The paper's Table E.3 has BLEU-1, "BERT" (`bertscore`), "OpenRecall" and their mean, but no code. Words are those of
LLaVA-Med's released scorer, the source of such numbers: VQAv2 normalisation (`text.normalise`: lower case, no punctuation,
no articles), then a split at spaces. Its recall counts repeated words of the *answer*, so that "left left left" has .75 of
"left lung": `open_recall` is the true recall, `llava_med_recall` the published one.

Every function of an answer and a reference returns 0 (no common word) to 1, and 0 for an empty answer. It raises ValueError
for a reference without words, which no answer can match.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib.metadata import version
from statistics import fmean
from typing import Literal

from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.metrics.text import normalise

Metric = Literal["bleu1", "open_recall", "llava_med_recall", "token_f1", "exact_match", "average"]


def bleu1(answer: str, reference: str) -> float:
    """Share of the answer's words that are in the reference, repeats clipped, times the brevity penalty.

    Papineni et al. (2002) by nltk, without smoothing. The penalty of an answer shorter than the reference is
    exp(1 - reference words / answer words).

    >>> bleu1("the left left lung", "Left lung.")  # 2 of 3 words, without the article
    0.6666666666666666
    """
    from nltk.translate.bleu_score import sentence_bleu  # late: nltk imports scikit-learn, which takes a second

    words, target = _words(answer, reference)
    # The common weights (1, 0, 0, 0) give the same value, but nltk then counts longer n-grams and warns about them.
    return float(sentence_bleu([target], words, weights=(1.0,)))


def open_recall(answer: str, reference: str) -> float:
    """Share of the reference's words that are in the answer; a repeated word counts as often as the answer has it.

    >>> open_recall("left left left", "left lung")
    0.5
    """
    words, target = _words(answer, reference)
    return _common(words, target) / len(target)


def llava_med_recall(answer: str, reference: str) -> float:
    """Recall of LLaVA-Med's scorer, found / (found + missing), for comparison with its published numbers.

    "Found" is the number of the answer's words that are in the reference, with repeats, and "missing" the number of the
    reference's words that are not in the answer; so repeating a right word raises the value.

    >>> llava_med_recall("left left left", "left lung")
    0.75
    """
    words, target = _words(answer, reference)
    matches = sum(word in set(target) for word in words)
    missing = sum(word not in set(words) for word in target)
    return matches / (matches + missing)


def token_f1(answer: str, reference: str) -> float:
    """Harmonic mean of precision and true recall of the words (SQuAD, Rajpurkar et al. 2016)."""
    words, target = _words(answer, reference)
    return 2 * _common(words, target) / (len(words) + len(target))


def exact_match(answer: str, reference: str) -> float:
    """1 for the same words in the same order, else 0."""
    words, target = _words(answer, reference)
    return float(words == target)


def average(bleu1: float, bertscore: float, open_recall: float) -> float:
    """Plain mean of three metrics, the "Avg." of Table E.3.

    >>> average(36.0, 63.0, 27.0)
    42.0
    """
    return fmean((bleu1, bertscore, open_recall))


_VERSION = 1  # increases when the same texts give another value


@cache  # called for every answer, and a package's version is read from the disk
def signature(metric: Metric, n: int | None = None) -> str:
    """Describe what a value depends on, to be printed with it; an average also needs the signature of its BERTScore."""
    library = f"|smoothing:none|nltk:{version('nltk')}" if metric in ("bleu1", "average") else ""
    count = "" if n is None else f"|n:{n}"
    return f"{metric}|case:lower|words:normalised{library}{count}|v:{_VERSION}"


def _words(answer: str, reference: str) -> tuple[list[str], list[str]]:
    """Words of answer and reference; BadQuestion for a reference without words."""
    target = normalise(reference).split()
    if not target:
        raise BadQuestion(f"the reference answer {reference!r} is empty")
    return normalise(answer).split(), target


def _common(words: list[str], target: list[str]) -> int:
    return (Counter(words) & Counter(target)).total()
