"""Rules for short answers: the rule for closed questions (yes/no and others), and plain exact match.

In the literature, "closed" means different sets and different rules, so print `signature()` and n with every value. Looser
rules are wrong in a typical way: LLaVA-Med's released scorer reads every answer that *contains* "no" as a no, including
"normal", "unknown", "nodule" and "not sure". `closed` needs the whole word; `llava_med` is that scorer's rule, for
comparison with numbers published under it only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.metrics.text import canonical, normalise, without_tokens

# Words joined by hyphen or apostrophe are other words ("non-contrast", "no-one"); *no* and _no_ are markdown.
_YES_NO = re.compile(r"(?<![^\W_])(?<![^\W_]['-])(yes|no)(?!['-]?[^\W_])")


class Verdict(NamedTuple):
    """Result for one answer; `extracted` is the text compared with the reference, None if the answer has none."""

    extracted: str | None
    correct: bool


def closed(answer: str, reference: str) -> Verdict:
    """Compare the answer's first "yes" or "no" with a reference that is yes or no; any other reference as in `exact`.

    The first of these words decides, even where the rest contradicts it ("No doubt, yes" is a no, "yes/no" is a yes).

    Raises:
        ValueError: the reference is empty, so that nothing can match it.

    >>> closed("Yes, it is normal.", "No")
    Verdict(extracted='yes', correct=False)
    >>> closed("Normal", "No")
    Verdict(extracted=None, correct=False)
    """
    target = _target(reference)
    if target not in ("yes", "no"):
        return exact(answer, reference)
    match = _YES_NO.search(canonical(answer).lower())
    word = match.group() if match else None
    return Verdict(word, word == target)


def exact(answer: str, reference: str) -> Verdict:
    """Compare the whole answer with the reference, both without chat tokens and normalised by `text.normalise`.

    Raises:
        ValueError: the reference is empty, so that nothing can match it.

    >>> exact("the liver.", "Liver")
    Verdict(extracted='liver', correct=True)
    """
    target, extracted = _target(reference), normalise(without_tokens(answer))
    return Verdict(extracted or None, extracted == target)


def llava_med(answer: str, reference: str) -> Verdict:
    """LLaVA-Med's released rule: the answer contains "yes" or "no" anywhere, and it contains the reference.

    So "normal" and "cannot tell" are right if the reference is no, and "yes and no" is always right. If the reference is
    another word, "Liver" alone is wrong, since it contains neither yes nor no. The first release also excluded wrong
    answers with yes or no from the mean; here they count.

    Raises:
        ValueError: the reference is empty, so that nothing can match it.

    >>> llava_med("Normal", "No").correct, llava_med("Liver", "Liver").correct
    (True, False)
    """
    target, text = _target(reference), normalise(answer)
    if "yes" not in text and "no" not in text:
        return Verdict(None, False)
    return Verdict(text, target in text)


RULES: dict[str, Callable[[str, str], Verdict]] = {"closed": closed, "exact": exact, "llava_med": llava_med}
_SUMMARIES = {"closed": "yes-no-word+normalised-match", "exact": "normalised-match", "llava_med": "substring"}
#: Rule -> version, which increases when the rule reads any answer differently.
_VERSIONS = {"closed": 2, "exact": 2, "llava_med": 1}


def signature(rule: str = "closed", n: int | None = None) -> str:
    """Describe what a value by a rule of `RULES` depends on, to be printed with it; `n` is the number of questions.

    Raises:
        ValueError: the rule is unknown.

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
