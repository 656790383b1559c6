"""Which option did a free-form answer choose: a rule that refuses to guess, and HuatuoGPT-Vision's published one.

A letter counts where it stands for an option: in an answer phrase ("the answer is B", "答案是B"), or in front of the
answer ("B. Lung"). A letter of the prose does not: the article in "A mass is seen", "hepatitis B", "C-section", "A/P".
What is not understood is unparseable (``extracted`` None), so print the share of those beside the accuracy.
"""

import re
from collections.abc import Callable, Sequence
from string import ascii_uppercase

from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.metrics.claims import chosen
from lmms_vg.metrics.closed import Verdict

Claim = tuple[set[str], int]
_NEAR = 300  # how many characters behind a letter or a phrase are looked at
_CHEN = re.compile(r"(?:[\W是为]|^)(?![aA] )([a-nA-N])(?:\W|$)")


def choice(answer: str, reference: str, options: Sequence[str]) -> Verdict:
    """The one option an answer chooses, as its letter, against the reference letter; None if that is not clear.

    Thinking and chat tokens are left out. Then the letter alone ("b", "(B)", "B B B") or an option's text alone decides, or
    all claims together, which must have one option in common:
    1. The start: an option's text as the first clause ("Liver.", "It is the liver (B)", "B. Liver"), or a letter in front
       ("B because ...", "Option B", "Most likely B"). Where other letters stand like it, as in a list of the options, this
       is no claim. Likewise the last line or sentence, if it is an option and nothing else.
    2. Each answer phrase, with a letter or an option's text: "the answer is (B)", "I choose B", "B is correct",
       "\\boxed{B}", "故选B", "Answer: Liver", "not A but B". Negated ones ("is not B") are none. "The second option" is B.
    3. Where there is none of these, sentences that say what is seen: "The image shows the liver", "A liver is seen".
    Not clear is a claim beside another option ("A or B", "Liver, spleen", "However, B is also correct"), unless that one
    is ruled out ("not A", "A is wrong"); one beside the text of another ("B. Heart" where B is the lung); and one taken
    back ("B, which is wrong", "B? Not sure").

    Words that name an option are never read as a judgement: with the options left and right, "right" is a side; an option
    that begins with "no" can be named by it ("B. No"). So the words could be swapped, and the verdict would be the same.

    Errors: ValueError for a reference that is no letter of an option.

    >>> choice("The answer is (b), not A.", "B", ["heart", "lung"])
    Verdict(extracted='B', correct=True)
    >>> choice("A mass is seen.", "A", ["mass of the lung", "cyst"])
    Verdict(extracted=None, correct=False)
    """
    target = _target(reference, options)
    found = extract(answer, options)
    return Verdict(found, found == target)


def extract(answer: str, options: Sequence[str]) -> str | None:
    """The letter of the option that an answer chooses by ``choice``'s rule, for answers that have no reference here."""
    return chosen(answer, options)


def chen(answer: str, reference: str, options: Sequence[str]) -> Verdict:
    """HuatuoGPT-Vision's rule (Chen et al. 2024): the first letter a to n between non-word characters, as it is written.

    For comparing with published numbers only. A lower-case letter is taken and never right. So are the pronoun of "I
    think B" and the start of "C-section" or "e.g."; "hepatitis B" is a B. An article before a space is left out, but
    "a." is taken. ``extracted`` may therefore be a letter of no option. Answers without a letter crash the released
    code; here they are unparseable. Errors: ValueError for a reference that is no letter of an option.

    >>> chen("I think B", "B", ["heart", "lung"])
    Verdict(extracted='I', correct=False)
    """
    target = _target(reference, options)
    found = _CHEN.search(answer)
    letter = found.group(1) if found else None
    return Verdict(letter, letter == target)


RULES: dict[str, Callable[[str, str, Sequence[str]], Verdict]] = {"choice": choice, "chen": chen}
_VERSIONS = {"choice": 2, "chen": 1}
"""Rule -> its version, which goes up when the rule reads any answer otherwise than before."""
_SUMMARIES = {
    "choice": "letter+option-text+answer-phrase+leading-letter+statement|case:lower",
    "chen": "first-letter-a-n|case:mixed",
}


def signature(rule: str = "choice", n: int | None = None) -> str:
    """What a number under a rule of ``RULES`` depends on, to be printed beside it. Errors: ValueError, unknown rule.

    >>> signature("chen", n=2000).rpartition("|")[0]
    'chen|rule:first-letter-a-n|case:mixed|n:2000'
    """
    if rule not in RULES:
        raise ValueError(f"rule {rule!r}: allowed is {', '.join(RULES)}")
    count = "" if n is None else f"|n:{n}"
    return f"{rule}|rule:{_SUMMARIES[rule]}{count}|v:{_VERSIONS[rule]}"


def _target(reference: str, options: Sequence[str]) -> str:
    letter, known = reference.strip().upper(), ascii_uppercase[: len(options)]
    if len(letter) != 1 or letter not in known:
        allowed = f"{known[0]} to {known[-1]}" if known else "nothing, there are no options"
        raise BadQuestion(f"reference {reference!r}: allowed is {allowed}")
    return letter
