"""Is a short answer the reference answer: the rule for closed questions (yes/no and others) and the plain exact match.

"Closed" is no single set and no single rule in the literature, so print ``signature()`` and n beside every number. The
trap of looser rules: LLaVA-Med's released scorer takes any answer that *contains* "no" for a no, so that "normal",
"unknown", "nodule" and "not sure" all count. Here a whole word is needed.
"""

import re
from typing import NamedTuple

from lmms_vg import __version__

_YES_NO = re.compile(r"(?<![\w'’-])(yes|no)(?![\w'’-])")
_ARTICLE = re.compile(r"^(?:an?|the) (?=.)")
_EDGES = " \t\n.,;:!?\"'`*()[]"


class Verdict(NamedTuple):
    """``extracted``: what was compared with the reference, None if a yes/no question got neither word."""

    extracted: str | None
    correct: bool


def normalise(text: str) -> str:
    """Lower case, single spaces, no punctuation at either end, no leading article.

    Punctuation and articles inside stay: "x-ray" is not "xray", and "vitamin a" keeps its a.

    >>> normalise(" The  left Lung. ")
    'left lung'
    """
    return _ARTICLE.sub("", " ".join(text.lower().split()).strip(_EDGES))


def closed(answer: str, reference: str) -> Verdict:
    """If the reference is yes or no: the first such word of the answer against it. Otherwise as ``exact``.

    The first word decides even where a sentence turns it around ("No doubt, yes" is a no). Errors: ValueError for an
    empty reference, which nothing can match.

    >>> closed("Yes, it is normal.", "No")
    Verdict(extracted='yes', correct=False)
    >>> closed("Normal", "No")
    Verdict(extracted=None, correct=False)
    """
    target = normalise(reference)
    if target not in ("yes", "no"):
        return exact(answer, reference)
    found = _YES_NO.search(answer.lower())
    word = found.group() if found else None
    return Verdict(word, word == target)


def exact(answer: str, reference: str) -> Verdict:
    """The whole answer against the reference, both normalised. Errors: ValueError for an empty reference.

    >>> exact("the liver.", "Liver")
    Verdict(extracted='liver', correct=True)
    """
    target = normalise(reference)
    if not target:
        raise ValueError(f"the reference answer {reference!r} is empty")
    extracted = normalise(answer)
    return Verdict(extracted, extracted == target)


def signature() -> str:
    """What a number under ``closed`` depends on, to be printed beside it."""
    return f"closed|rule:yes-no-word,exact|case:lower|v:{__version__}"
