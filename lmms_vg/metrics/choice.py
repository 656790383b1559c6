"""The option that a free-form answer chooses: a rule that refuses to guess, and HuatuoGPT-Vision's published rule.

A letter counts where it names an option: in an answer phrase ("the answer is B", "答案是B"), or before the answer
("B. Lung"). A letter in prose does not count: the article in "A mass is seen", "hepatitis B", "C-section", "A/P". An
answer whose choice is not clear is unparseable (`extracted` is None); print the share of these with the accuracy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from string import ascii_uppercase

from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.metrics.closed import Verdict

_CHEN = re.compile(r"(?:[\W是为]|^)(?![aA] )([a-nA-N])(?:\W|$)")


def choice(answer: str, reference: str, options: Sequence[str]) -> Verdict:
    r"""Compare the letter of the option that an answer chooses with the reference letter.

    Thinking and chat tokens are removed. If the rest is only a letter ("b", "(B)", "B B B") or only an option's text, this
    decides. Otherwise all claims decide together, and they must have one option in common:

    1. The start: an option's text as the first clause ("Liver.", "It is the liver (B)", "B. Liver"), or a letter before it
       ("B because ...", "Option B", "Most likely B"). It is no claim where other letters follow in the same form, as in a
       list of the options. The last line or sentence counts too, if it is an option and nothing else.
    2. Each answer phrase, with a letter or an option's text: "the answer is (B)", "I choose B", "B is correct",
       "\boxed{B}", "故选B", "Answer: Liver", "not A but B". Negated phrases ("is not B") do not count. "The second option"
       is B.
    3. If there is none of these, sentences about what is seen: "The image shows the liver", "A liver is seen".

    A claim is not clear if another option is named with it ("A or B", "Liver, spleen", "However, B is also correct") and
    not ruled out ("not A", "A is wrong"); if its letter comes with another option's text ("B. Heart" where B is the lung);
    or if it is withdrawn ("B, which is wrong", "B? Not sure").

    Words that name an option are never read as a judgement: with the options left and right, "right" is a side; "no" can
    name an option that begins with it ("B. No"). So swapping such words in options and answer does not change the verdict.

    Raises:
        ValueError: the reference is not the letter of an option.

    >>> choice("The answer is (b), not A.", "B", ["heart", "lung"])
    Verdict(extracted='B', correct=True)
    >>> choice("A mass is seen.", "A", ["mass of the lung", "cyst"])
    Verdict(extracted=None, correct=False)
    """
    target = _target(reference, options)
    letter = extract(answer, options)
    return Verdict(letter, letter == target)


def extract(answer: str, options: Sequence[str]) -> str | None:
    """Letter of the option that an answer chooses by the rule of `choice`; None if that is not clear."""
    from lmms_vg.metrics.claims import chosen  # late: its patterns take 0.4 s to compile

    return chosen(answer, options)


def chen(answer: str, reference: str, options: Sequence[str]) -> Verdict:
    """HuatuoGPT-Vision's rule (Chen et al. 2024): the first letter a to n between non-word characters, case kept.

    For comparison with published numbers only. A lower-case letter is taken and is never right. The pronoun of "I think
    B" and the start of "C-section" or "e.g." are taken; "hepatitis B" is a B. An article before a space is skipped, but
    "a." is taken. So `extracted` may be a letter without an option. Answers without a letter crash the released code;
    here they are unparseable.

    Raises:
        ValueError: the reference is not the letter of an option.

    >>> chen("I think B", "B", ["heart", "lung"])
    Verdict(extracted='I', correct=False)
    """
    target = _target(reference, options)
    match = _CHEN.search(answer)
    letter = match.group(1) if match else None
    return Verdict(letter, letter == target)


RULES: dict[str, Callable[[str, str, Sequence[str]], Verdict]] = {"choice": choice, "chen": chen}
#: Rule -> version, which increases when the rule reads any answer differently.
_VERSIONS = {"choice": 2, "chen": 1}
_SUMMARIES = {
    "choice": "letter+option-text+answer-phrase+leading-letter+statement|case:lower",
    "chen": "first-letter-a-n|case:mixed",
}


def signature(rule: str = "choice", n: int | None = None) -> str:
    """Describe what a value by a rule of `RULES` depends on, to be printed with it; `n` is the number of questions.

    Raises:
        ValueError: the rule is unknown.

    >>> signature("chen", n=2000).rpartition("|")[0]
    'chen|rule:first-letter-a-n|case:mixed|n:2000'
    """
    if rule not in RULES:
        raise ValueError(f"rule {rule!r}: allowed is {', '.join(RULES)}")
    count = "" if n is None else f"|n:{n}"
    return f"{rule}|rule:{_SUMMARIES[rule]}{count}|v:{_VERSIONS[rule]}"


def _target(reference: str, options: Sequence[str]) -> str:
    letter, letters = reference.strip().upper(), ascii_uppercase[: len(options)]
    if len(letter) != 1 or letter not in letters:
        allowed = f"{letters[0]} to {letters[-1]}" if letters else "nothing, there are no options"
        raise BadQuestion(f"reference {reference!r}: allowed is {allowed}")
    return letter
