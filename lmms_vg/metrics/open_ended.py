"""How near is a free answer to its reference, word by word: BLEU-1, two recalls, F1 and exact match.

The paper's Table E.3 has BLEU-1, "BERT" (``bertscore``), "OpenRecall" and their mean, and no code. Words are taken as in
LLaVA-Med's released scorer, where such numbers come from: VQAv2 normalisation (``text.normalise``: lower case, no
punctuation, no articles), then a split at spaces. Its recall, however, counts repeated words of the *answer*, so that
"left left left" has .75 of "left lung"; ``open_recall`` is the true recall, ``llava_med_recall`` the published one.

Every function takes an answer and a reference and gives 0 (no word in common) to 1; an empty answer has 0. Errors:
ValueError for a reference without a word, which no answer can match.
"""

from collections import Counter
from functools import cache
from importlib.metadata import version
from statistics import fmean
from typing import Literal

from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.metrics.text import normalise

Metric = Literal["bleu1", "open_recall", "llava_med_recall", "token_f1", "exact_match", "average"]


def bleu1(answer: str, reference: str) -> float:
    """Share of the answer's words found in the reference, repeats clipped, times the penalty for brevity.

    Papineni et al. (2002) by nltk, without smoothing; a shorter answer is penalised by exp(1 - reference/answer words).

    >>> bleu1("the left left lung", "Left lung.")  # 2 of 3 words: the article is none
    0.6666666666666666
    """
    from nltk.translate.bleu_score import sentence_bleu  # late: nltk brings scikit-learn, a second

    said, wanted = _words(answer, reference)
    # The weights (1, 0, 0, 0) that others pass give the same value, but nltk then counts and warns about longer n-grams.
    return float(sentence_bleu([wanted], said, weights=(1.0,)))


def open_recall(answer: str, reference: str) -> float:
    """Share of the reference's words that the answer has, each as often as the answer has it.

    >>> open_recall("left left left", "left lung")
    0.5
    """
    said, wanted = _words(answer, reference)
    return _common(said, wanted) / len(wanted)


def llava_med_recall(answer: str, reference: str) -> float:
    """Recall as LLaVA-Med's scorer has it: found / (found + missing), to compare with numbers made by it.

    "Found" counts the words of the answer that are in the reference, with repeats, "missing" those of the reference that
    are not in the answer; so saying a right word again raises it.

    >>> llava_med_recall("left left left", "left lung")
    0.75
    """
    said, wanted = _words(answer, reference)
    found = sum(word in set(wanted) for word in said)
    missing = sum(word not in set(said) for word in wanted)
    return found / (found + missing)


def token_f1(answer: str, reference: str) -> float:
    """Harmonic mean of precision and true recall of the words (SQuAD, Rajpurkar et al. 2016)."""
    said, wanted = _words(answer, reference)
    return 2 * _common(said, wanted) / (len(said) + len(wanted))


def exact_match(answer: str, reference: str) -> float:
    """1 for the same words in the same order, else 0."""
    said, wanted = _words(answer, reference)
    return float(said == wanted)


def average(bleu1: float, bertscore: float, open_recall: float) -> float:
    """Table E.3's "Avg.": the plain mean of its three metrics.

    >>> average(36.0, 63.0, 27.0)
    42.0
    """
    return fmean((bleu1, bertscore, open_recall))


_VERSION = 1  # of these formulas and of the words they read; goes up when the same texts come to give another number


@cache  # asked for with every answer, and a package's version is on the disk
def signature(metric: Metric, n: int | None = None) -> str:
    """What a number depends on, to be printed beside it; of an average, besides its BERTScore's own signature."""
    library = f"|smoothing:none|nltk:{version('nltk')}" if metric in ("bleu1", "average") else ""
    count = "" if n is None else f"|n:{n}"
    return f"{metric}|case:lower|words:normalised{library}{count}|v:{_VERSION}"


def _words(answer: str, reference: str) -> tuple[list[str], list[str]]:
    """Words of both. Errors: BadQuestion for a reference without any."""
    wanted = normalise(reference).split()
    if not wanted:
        raise BadQuestion(f"the reference answer {reference!r} is empty")
    return normalise(answer).split(), wanted


def _common(said: list[str], wanted: list[str]) -> int:
    return (Counter(said) & Counter(wanted)).total()
