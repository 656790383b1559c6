"""Which option did a free-form answer choose: a rule that refuses to guess, and HuatuoGPT-Vision's published one.

A letter counts where it stands for an option: in an answer phrase ("the answer is B", "答案是B"), or in front of the
answer ("B. Lung"). A letter of the prose does not: the article in "A mass is seen", "hepatitis B", "C-section", "A/P".
What is not understood is unparseable (``extracted`` None), so print the share of those beside the accuracy.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from string import ascii_uppercase

from lmms_vg import __version__
from lmms_vg.metrics.closed import Verdict
from lmms_vg.metrics.text import canonical, normalise, words

# A word character that is no Han character, because 答案是B has no spaces; _B_ is markdown.
_W = r"[^\W_\u4e00-\u9fff]"
# A letter by itself, no part of C-section, I'd, A/P or e.g.
_LETTER = rf"(?<!{_W})(?<!{_W}['/&+.-])(?P<letter>[A-Za-z])(?!{_W}|['/&+-]{_W}|\.{_W}(?!{_W}))"
# A letter that stands for an option: what follows is punctuation, the end, or a word that cannot go on from an article
# or a name ("A mass", "B cells"). "And" can ("B and T cells"). A bracket can follow the article: "a (small) mass".
_LABEL = _LETTER + (
    r"(?=[^\w\s]|_|因为|由于|吧|选?项(?:\W|$)"
    r"|[^\S\n]*(?:$|\n|[-:=,.;!?)\]*/&+|<]|(?<![Aa])[^\S\n]\(|(?:because|since|as|due|but)\b))"
)
_NAMED = r"[\W_]*(?:(?:the\s+)?(?:option|choice|letter|answer)\b|选项)?[\W_]*"
_PHRASE = (
    r"(?:\b(?:answer|ans|choice|option|letter)\b(?:\s+(?:to|for)\s[^.,;:!?\n]{1,60}?)?[\s*_\"'.]*"
    r"(?:(?:is|would be|should be|must be)\b(?:\s+(?:therefore|thus|clearly|definitely|(?:most )?likely|probably)\b)?|[:=>])"
    r"|\b(?:choose|select|pick)\b|\\boxed\{(?:\\\w+\{)?"
    r"|答案(?:应该|应当|应|就)?[是为选]?|选(?!项)择?[是为]?|选项\s*[是为:]|正确的[是为])"
)
_EXPLICIT = re.compile(_PHRASE + _NAMED + _LABEL, re.I)
# "B is correct", B first in its clause: "both A and B is correct" is none.
_CORRECT = re.compile(
    rf"(?:^|[\n.!?;:,。]|\b(?:option|choice|answer|so|therefore|thus|hence)\b|选项)[\W_]*{_LETTER}[\W_]*(?:选?项)?"
    r"(?:\bis\s+(?:the\s+)?(?:(?:most likely|most appropriate|best|right)\s+)?(?:correct|answer|choice|option)\b"
    r"|[是为]?(?:正确|对的|答案))",
    re.I,
)
_CLAUSE = re.compile(r"[,.;:!?\n。、]")
_NEGATION = re.compile(
    r"\b(?:not|cannot|never|neither|nor|wrong|incorrect|false|unlikely|if|whether)\b|n't\b|[不错]|非(?!常)", re.I
)
_LEADING = re.compile(
    rf"[\W_]*(?:(?:i|think|believe|it|is|it's|so|thus|therefore|hence)\b[\W_]+)*{_NAMED}{_LABEL}", re.I
)
_LEAD_IN = re.compile(rf"[\W_]*(?:(?:the|my|so|therefore|thus|final|correct|best)\b[\W_]+)*{_PHRASE}", re.I)
_MARKED = re.compile(rf"(?:^|[\n.,;!?。、])\s*[(*_\[]*{_LETTER}[*_]*[).:\]、]", re.I)
_ANOTHER = re.compile(rf"[\W_]*(?:(?:and|or|和|或|与|及|以及)(?!{_W}))?{_NAMED}{_LABEL}", re.I)
_ALONE = re.compile(rf"[\W_]*{_LETTER}[\W_]*")
_CHEN = re.compile(r"(is |是|\*|\W|\ |\(|为|^|'|\"|#)(?![aA] )([a-nA-N])(\W|$)", re.S)


def choice(answer: str, reference: str, options: Sequence[str]) -> Verdict:
    """The one option an answer chooses, as its letter, against the reference letter; None if that is not clear.

    In this order, and the first that is there decides:
    1. The letter alone: "b", "(B)", "**B**", "B。".
    2. An option's text alone, also after its letter or "the answer is"; two options of the same text are not clear.
    3. Answer phrases: "the answer is (B) because ...", "I choose B", "B is correct", "\\boxed{B}", "故选B". They win
       over other letters, but two phrases that differ are not clear. Negated ones ("is not B") do not count.
    4. The letter in front: "B. Lung", "B because ...", "Option B". Not clear if the answer goes on to list another one.
    A letter beside the text of another option ("B. Heart" where B is the lung) is not clear, nor is "A or B".

    Errors: ValueError for a reference that is no letter of an option.

    >>> choice("The answer is (b), not A.", "B", ["heart", "lung"])
    Verdict(extracted='B', correct=True)
    >>> choice("A mass is seen.", "A", ["mass of the lung", "cyst"])
    Verdict(extracted=None, correct=False)
    """
    target = _target(reference, options)
    found = _extract(canonical(answer), options)
    return Verdict(found, found == target)


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
    letter = found.group(2) if found else None
    return Verdict(letter, letter == target)


RULES: dict[str, Callable[[str, str, Sequence[str]], Verdict]] = {"choice": choice, "chen": chen}
_SUMMARIES = {
    "choice": "letter+option-text+answer-phrase+leading-letter|case:lower",
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
    return f"{rule}|rule:{_SUMMARIES[rule]}{count}|v:{__version__}"


def _target(reference: str, options: Sequence[str]) -> str:
    letter, letters = reference.strip().upper(), ascii_uppercase[: len(options)]
    if len(letter) != 1 or letter not in letters:
        allowed = f"{letters[0]} to {letters[-1]}" if letters else "nothing, there are no options"
        raise ValueError(f"reference {reference!r}: allowed is {allowed}")
    return letter


def _extract(text: str, options: Sequence[str]) -> str | None:
    letters = ascii_uppercase[: len(options)]
    alone = _ALONE.fullmatch(text)
    if alone and _letter(alone) in letters:
        return _letter(alone)
    texts = {letter: normalise(option) for letter, option in zip(letters, options, strict=False)}
    if same := _options_with_text(text, options):
        return same.pop() if len(same) == 1 else None
    named = [label for label in _phrases(text) if _letter(label) in letters]
    if not named:
        leading = _LEADING.match(text)
        if not leading or _letter(leading) not in letters:
            return None
        if {_letter(label) for label in _MARKED.finditer(text)} & set(letters) - {_letter(leading)}:
            return None
        named = [leading]
    found = {_letter(label) for label in named}
    if len(found) > 1 or not all(_agrees(text, label, options, texts) for label in named):
        return None
    return found.pop()


def _letter(match: re.Match[str]) -> str:
    return match["letter"].upper()


def _options_with_text(text: str, options: Sequence[str]) -> set[str]:
    """Letters of the options whose text, with or without its letter, is all the answer says."""
    lead_in = _LEAD_IN.match(text)
    found = set()
    for part in {text, text[lead_in.end() :]} if lead_in else {text}:
        # "A. mass" is not the text "mass": behind a marked letter no article is dropped.
        key = words if _MARKED.match(part) else normalise
        said, whole = key(part), words(part)
        for letter, option in zip(ascii_uppercase, options, strict=False):
            if words(option) and (said == key(option) or whole == [letter.lower(), *words(option)]):
                found.add(letter)
    return found


def _phrases(text: str) -> Iterator[re.Match[str]]:
    """Answer phrases with a letter, in clauses without a negation in front of them."""
    for pattern, group in ((_EXPLICIT, 0), (_CORRECT, "letter")):
        for match in pattern.finditer(text):
            start = match.start(group)
            if not _NEGATION.search(_CLAUSE.split(text[max(0, start - 200) : start])[-1]):
                yield match


def _agrees(text: str, label: re.Match[str], options: Sequence[str], texts: dict[str, str]) -> bool:
    """Whether what follows the letter is neither the text of another option nor another letter."""
    letter, rest = _letter(label), text[label.end("letter") :]
    behind, including = normalise(rest) + " ", normalise(text[label.start("letter") :]) + " "
    # The letter may be part of a text ("C. difficile"), unless the options' texts are letters themselves.
    beginnings = [
        (len(option), other == letter)
        for other, option in texts.items()
        if option and (behind.startswith(option + " ") or (" " in option and including.startswith(option + " ")))
    ]
    if beginnings and not max(beginnings)[1]:
        return False
    own = canonical(options[ascii_uppercase.index(letter)]).strip().lower()
    before, _, after = rest.lower().partition(own) if own else ("", "", rest)
    another = _ANOTHER.match(rest if words(before) or before == rest.lower() else after)
    return another is None or _letter(another) == letter or _letter(another) not in texts
