"""Is a short answer the reference answer: the rule for closed questions (yes/no and others) and the plain exact match.

"Closed" is no single set and no single rule in the literature, so print ``signature()`` and n beside every number. The
trap of looser rules: LLaVA-Med's released scorer takes any answer that *contains* "no" for a no, so that "normal",
"unknown", "nodule" and "not sure" all count. ``closed`` needs a whole word; ``llava_med`` is that scorer's rule, for
comparing with numbers published under it and for nothing else.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.metrics.text import canonical, normalise, without_tokens

# Words joined by hyphen or apostrophe are other words ("non-contrast", "no-one"); *no* and _no_ are markdown.
_YES_NO = re.compile(r"(?<![^\W_])(?<![^\W_]['-])(yes|no)(?!['-]?[^\W_])")


class Verdict(NamedTuple):
    """``extracted``: what was compared with the reference, None if the answer holds nothing that could be."""

    extracted: str | None
    correct: bool


def closed(answer: str, reference: str) -> Verdict:
    """If the reference is yes or no: the first such word of the answer against it. Otherwise as ``exact``.

    The first word decides even where the rest turns it around ("No doubt, yes" is a no, "yes/no" a yes). Errors:
    ValueError for an empty reference, which nothing can match.

    >>> closed("Yes, it is normal.", "No")
    Verdict(extracted='yes', correct=False)
    >>> closed("Normal", "No")
    Verdict(extracted=None, correct=False)
    """
    target = _target(reference)
    if target not in ("yes", "no"):
        return exact(answer, reference)
    found = _YES_NO.search(canonical(answer).lower())
    word = found.group() if found else None
    return Verdict(word, word == target)


def exact(answer: str, reference: str) -> Verdict:
    """The whole answer, but for tokens of a chat format, against the reference, both under ``text.normalise``.

    Errors: ValueError for an empty reference.

    >>> exact("the liver.", "Liver")
    Verdict(extracted='liver', correct=True)
    """
    target, extracted = _target(reference), normalise(without_tokens(answer))
    return Verdict(extracted or None, extracted == target)


def llava_med(answer: str, reference: str) -> Verdict:
    """LLaVA-Med's released rule: the answer contains "yes" or "no" in any place, and contains the reference.

    So "normal" and "cannot tell" are right where the reference is no, and "yes and no" is always right. Where the
    reference is another word, "Liver" alone is wrong, for it holds neither yes nor no. The first release also left a
    wrong answer that holds one of them out of the mean; here it counts. Errors: ValueError for an empty reference.

    >>> llava_med("Normal", "No").correct, llava_med("Liver", "Liver").correct
    (True, False)
    """
    target, text = _target(reference), normalise(answer)
    if "yes" not in text and "no" not in text:
        return Verdict(None, False)
    return Verdict(text, target in text)


RULES: dict[str, Callable[[str, str], Verdict]] = {"closed": closed, "exact": exact, "llava_med": llava_med}
_SUMMARIES = {"closed": "yes-no-word+normalised-match", "exact": "normalised-match", "llava_med": "substring"}
_VERSIONS = {"closed": 2, "exact": 2, "llava_med": 1}
"""Rule -> its version, which goes up when the rule reads any answer otherwise than before."""


def signature(rule: str = "closed", n: int | None = None) -> str:
    """What a number under a rule of ``RULES`` depends on, to be printed beside it. Errors: ValueError, unknown rule.

    >>> signature("exact", n=1297).rpartition("|")[0]
    'exact|rule:normalised-match|case:lower|n:1297'
    """
    if rule not in RULES:
        raise ValueError(f"rule {rule!r}: allowed is {', '.join(RULES)}")
    count = "" if n is None else f"|n:{n}"
    return f"{rule}|rule:{_SUMMARIES[rule]}|case:lower{count}|v:{_VERSIONS[rule]}"


def _target(reference: str) -> str:
    target = normalise(without_tokens(reference))
    if not target:
        raise BadQuestion(f"the reference answer {reference!r} is empty")
    return target
