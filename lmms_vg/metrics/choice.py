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
from lmms_vg.metrics.text import canonical, without_articles, words

# A word character that is no Han character, because 答案是B has no spaces; _B_ is markdown.
_W = r"[^\W_\u4e00-\u9fff]"
# What may lie between; bounded, or answers that degenerate into "*****" take quadratic time.
_GAP = r"[\W_]{0,12}"
# A letter by itself, no part of C-section, I'd, A/P or e.g.
_LETTER = rf"(?<!{_W})(?<!{_W}['/&+.-])(?P<letter>[A-Za-z])(?!{_W}|['/&+-]{_W}|\.{_W}(?!{_W}))"
# A letter that stands for an option: what follows is punctuation, the end, or a word that cannot go on from an article
# or a name ("A mass", "B cells"). "And" can ("B and T cells"). A bracket can follow the article: "a (small) mass".
_LABEL = _LETTER + (
    r"(?=[^\w\s]|_|因为|由于|吧|选?项(?:\W|$)"
    r"|[^\S\n]*(?:$|\n|[-:=,.;!?)\]*/&+|<]|(?<![Aa])[^\S\n]\(|(?:because|since|as|due)\b))"
)
_NAMED = rf"(?:{_GAP}(?:(?:the\s)?(?:option|choice|letter|answer)\b|选项))?{_GAP}"
_PHRASE = (
    r"(?:\b(?:answer|ans|choice|option|letter)\b(?:\s+(?:to|for)\s[^.,;:!?\n]{1,60}?)?[\s*_\"'.]{0,12}"
    r"(?:(?:is|would be|should be|must be)\b(?:\s+(?:therefore|thus|clearly|definitely|(?:most )?likely|probably)\b)?|[:=>])"
    r"|\b(?:choose|select|pick|go with)\b|\\boxed\{(?:\\\w+\{)?"
    r"|答案(?:应该|应当|应|就)?[是为选]?|选择?[是为]?|选项\s*[是为:]|正确的[是为])"
)
_EXPLICIT = re.compile(_PHRASE + _NAMED + _LABEL, re.I)
# "B is correct", B first in its clause: "both A and B is correct" is none.
_CORRECT = re.compile(
    rf"(?:^|[\n.!?;:,。]|\b(?:option|choice|answer|so|therefore|thus|hence)\b|选项){_GAP}{_LETTER}{_GAP}(?:选?项)?"
    r"(?:\bis\s+(?:the\s+)?(?:(?:most likely|most appropriate|best|right)\s+)?(?:correct|answer|choice|option)\b"
    r"|[是为]?(?:正确|对的|答案))",
    re.I,
)
_CLAUSE = re.compile(r"[,.;:!?\n。、]")
_NEGATION = re.compile(
    r"\b(?:not|cannot|never|neither|nor|wrong|incorrect|false|unlikely|if|whether)\b|n't\b|[不错]|非(?!常)", re.I
)
_LEADING = re.compile(
    rf"{_GAP}(?:(?:i|think|believe|it|is|it's|so|thus|therefore|hence)\b[\W_]{{1,12}}){{0,6}}{_NAMED}{_LABEL}"
    rf"(?!{_GAP}(?:is|isn't|are|was|wrong|incorrect)\b)",  # (B) is small; Option B: wrong
    re.I,
)
_LEAD_IN = re.compile(
    rf"{_GAP}(?:(?:the|my|so|therefore|thus|final|correct|best)\b[\W_]{{1,12}}){{0,6}}{_PHRASE}", re.I
)
_MARKED = re.compile(rf"(?:^|[\n.,;!?。、])\s{{0,12}}[(*_\[]{{0,4}}{_LETTER}[*_]{{0,4}}[).:\]、]", re.I)
_ANOTHER = re.compile(rf"{_GAP}(?:(?:and|or|和|或|与|及|以及)(?!{_W}))?{_NAMED}{_LABEL}", re.I)
_NEAR = 300  # how many characters behind a letter are looked at
_ALONE = re.compile(rf"[\W_]*{_LETTER}[\W_]*")
_CHEN = re.compile(r"(?:[\W是为]|^)(?![aA] )([a-nA-N])(?:\W|$)")


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
    found = extract(answer, options)
    return Verdict(found, found == target)


def extract(answer: str, options: Sequence[str]) -> str | None:
    """The letter of the option that an answer chooses by ``choice``'s rule, for answers that have no reference here."""
    return _extract(canonical(answer), options)


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
    spoken = {letter: words(option) for letter, option in zip(letters, options, strict=False)}
    if same := _options_with_text(text, spoken):
        return same.pop() if len(same) == 1 else None
    named = [label for label in _phrases(text) if _letter(label) in spoken]
    if not named:
        leading = _LEADING.match(text)
        if not leading or _letter(leading) not in spoken:
            return None
        if {_letter(label) for label in _MARKED.finditer(text)} & spoken.keys() - {_letter(leading)}:
            return None
        named = [leading]
    found = {_letter(label) for label in named}
    if len(found) > 1 or not all(_stands(text, label, options, spoken) for label in named):
        return None
    return found.pop()


def _letter(match: re.Match[str]) -> str:
    return match["letter"].upper()


def _options_with_text(text: str, spoken: dict[str, list[str]]) -> set[str]:
    """Letters of the options whose text, with or without its letter, is all the answer says."""
    lead_in = _LEAD_IN.match(text)
    found = set()
    for part in (text, text[lead_in.end() :]) if lead_in else (text,):
        alone = _ALONE.fullmatch(part)
        if alone and _letter(alone) in spoken:  # also where the options' texts are letters
            continue
        said = words(part)
        # "A. mass" is not the text "mass": behind a marked letter no article is dropped.
        plain = " ".join if _MARKED.match(part) else without_articles
        for letter, option in spoken.items():
            if option and (plain(said) == plain(option) or said == [letter.lower(), *option]):
                found.add(letter)
    return found


def _phrases(text: str) -> Iterator[re.Match[str]]:
    """Answer phrases with a letter, in clauses without a negation in front of them."""
    for pattern, group in ((_EXPLICIT, 0), (_CORRECT, "letter")):
        for match in pattern.finditer(text):
            start = match.start(group)
            if not _NEGATION.search(_CLAUSE.split(text[max(0, start - 200) : start])[-1]):
                yield match


def _stands(text: str, label: re.Match[str], options: Sequence[str], spoken: dict[str, list[str]]) -> bool:
    """Whether what follows the letter is neither the text of another option nor another letter."""
    letter, rest = _letter(label), text[label.end("letter") :][:_NEAR]
    said = words(rest)
    # The letter may be part of a text ("C. difficile"), unless the options' texts are letters themselves.
    behind, including = without_articles(said) + " ", without_articles([letter.lower(), *said]) + " "
    beginnings = [
        (len(option), other == letter)
        for other, option in ((other, without_articles(option)) for other, option in spoken.items() if option)
        if behind.startswith(option + " ") or (" " in option and including.startswith(option + " "))
    ]
    if beginnings and not max(beginnings)[1]:
        return False
    own = canonical(options[ascii_uppercase.index(letter)]).strip().lower()
    before, found, after = rest.lower().partition(own) if own else ("", "", "")
    another = _ANOTHER.match(after if found and not words(before) else rest)
    return another is None or _letter(another) not in spoken or _letter(another) == letter
