"""Which option did a free-form answer choose: a rule that refuses to guess, and HuatuoGPT-Vision's published one.

A letter counts where it stands for an option: in an answer phrase ("the answer is B", "答案是B"), or in front of the
answer ("B. Lung"). A letter of the prose does not: the article in "A mass is seen", "hepatitis B", "C-section", "A/P".
What is not understood is unparseable (``extracted`` None), so print the share of those beside the accuracy.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from string import ascii_uppercase

from lmms_vg import __version__
from lmms_vg.metrics import letters
from lmms_vg.metrics.closed import Verdict
from lmms_vg.metrics.text import canonical, without_articles, words

Claim = tuple[set[str], int]
Spoken = dict[str, list[str]]
_CLAUSES = 40  # how many places are tried as the end of an option's text
_NEAR = 300  # how many characters behind a letter or a phrase are looked at
_CHEN = re.compile(r"(?:[\W是为]|^)(?![aA] )([a-nA-N])(?:\W|$)")


def choice(answer: str, reference: str, options: Sequence[str]) -> Verdict:
    """The one option an answer chooses, as its letter, against the reference letter; None if that is not clear.

    Finished thinking (<think>) and chat tokens are left out. Then the letter alone ("b", "(B)", "**B**") decides, or
    all claims together, which must be of one option:
    1. The start: an option's text as the first line or sentence ("Liver.", "the liver (B)", "B. Liver"), or a letter
       in front ("B because ...", "Option B", "Most likely B"). Where other letters stand like it, as in a list of the
       options, this is no claim.
    2. Each answer phrase, with a letter or an option's text: "the answer is (B)", "I choose B", "B is correct",
       "\\boxed{B}", "故选B", "Answer: Liver". Negated ones ("is not B") are none.
    Not clear is a claim beside another letter ("A or B", "A, C", "However, B is also correct"), unless that one is
    ruled out ("not A", "A is wrong"); one beside the text of another option ("B. Heart" where B is the lung); and one
    taken back ("B, which is wrong", "B? Not sure").

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
    return _extract(letters.final_part(canonical(answer)), options)


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
    letter, known = reference.strip().upper(), ascii_uppercase[: len(options)]
    if len(letter) != 1 or letter not in known:
        allowed = f"{known[0]} to {known[-1]}" if known else "nothing, there are no options"
        raise ValueError(f"reference {reference!r}: allowed is {allowed}")
    return letter


def _extract(text: str, options: Sequence[str]) -> str | None:
    spoken = {letter: words(option) for letter, option in zip(ascii_uppercase, options, strict=False)}
    if letters.CROSS.search(text):
        return None
    alone = letters.ALONE.fullmatch(text)
    if alone and _letter(alone) in spoken:
        return _letter(alone)
    claims = list(_claims(text, options, spoken))
    found = set().union(*(claim for claim, _ in claims))
    if len(found) != 1 or not all(claim for claim, _ in claims):
        return None
    (letter,), last = found, max(end for _, end in claims)
    later = chain(letters.AGAIN.finditer(text, last), letters.POSSIBLE.finditer(text, last))
    return None if any(_rival(text, other, letter, spoken) for other in later) else letter


def _letter(match: re.Match[str]) -> str:
    return match["letter"].upper()


def _claims(text: str, options: Sequence[str], spoken: Spoken) -> Iterator[Claim]:
    """The letters that the start of the answer and each of its answer phrases claim, and where; none if not clear."""
    start, leading = _told(text, 0, spoken), letters.LEADING.match(text)
    if start is None and leading and _letter(leading) in spoken:
        start = _stands(text, leading, options, spoken), leading.end()
    if start:
        marked = {_letter(label) for label in letters.MARKED.finditer(text, start[1] - 1)} & spoken.keys()
        if len(start[0]) < 2 and not marked - start[0]:  # else a list of the options, and the answer is below
            yield start
    seen = set()
    for phrase in letters.PHRASE.finditer(text):
        near = text[phrase.start() : phrase.end() + _NEAR]
        if near in seen or _negated(text, phrase.start()):
            continue
        seen.add(near)  # answers that go round in circles would take long
        label = letters.EXPLICIT.match(text, phrase.start())
        told = _told(text, phrase.end(), spoken)
        if told is not None:
            yield told
        elif label and _letter(label) in spoken:
            yield _stands(text, label, options, spoken), label.end()
    for label in letters.CORRECT.finditer(text):
        if _letter(label) in spoken and not _negated(text, label.start("letter")):
            yield _stands(text, label, options, spoken), label.end()


def _negated(text: str, start: int) -> bool:
    return letters.NEGATION.search(letters.CLAUSE.split(text[max(0, start - 200) : start])[-1]) is not None


def _rival(text: str, match: re.Match[str], letter: str, spoken: Spoken) -> bool:
    """Whether another letter is named and not ruled out."""
    other = _letter(match)
    if other == letter or other not in spoken or _negated(text, match.start("letter")):
        return False
    return letters.REJECTED.match(text, match.end("letter")) is None


def _told(text: str, start: int, spoken: Spoken) -> Claim | None:
    """Letters of the options whose text, with or without its letter, is the first clause; empty if more is named."""
    length = _NEAR + max((sum(map(len, option)) for option in spoken.values()), default=0)
    part = text[start : start + 2 * length]
    found = _texts(part, spoken)
    if found is None:
        return None
    told, end = found
    rest = part[end:]
    another = letters.NEXT.match(rest)
    letter = min(told)
    if letters.DOUBT.match(rest) or (another and _rival(rest, another, letter, spoken)):
        return set(), start + end
    again = _texts(letters.TOO.sub("", rest, count=1), spoken)
    return (set() if again and again[0] != told else told), start + end


def _texts(part: str, spoken: Spoken) -> Claim | None:
    """The longest first clause that is the text of options, as their letters, and where it ends."""
    # "A. mass" is not the text "mass": no article is dropped there.
    plain = " ".join if letters.NO_ARTICLE.match(part) else without_articles
    texts = {letter: plain(option) for letter, option in spoken.items() if option}
    longest, most = None, 2 * max(map(len, spoken.values()), default=0) + 3
    for end in islice(letters.END.finditer(part), _CLAUSES):
        said = words(part[: end.start()])
        if len(said) > most:  # even with an article in front of each word
            break
        if len(said) == 1 and said[0].upper() in spoken:  # also where the options' texts are letters
            continue
        told = {
            letter for letter, text in texts.items() if plain(said) == text or said == [letter.lower(), *spoken[letter]]
        }
        if told:
            longest = told | {end["letter"].upper()} if end["letter"] else told, end.end()
    return longest


def _stands(text: str, label: re.Match[str], options: Sequence[str], spoken: Spoken) -> set[str]:
    """The letter, unless what follows is the text of another option, another letter, or takes it back."""
    letter, rest = _letter(label), text[label.end("letter") : label.end("letter") + _NEAR]
    said = words(rest)
    # The letter may be part of a text ("C. difficile"), unless the options' texts are letters themselves.
    behind, including = without_articles(said) + " ", without_articles([letter.lower(), *said]) + " "
    beginnings = [
        (len(option), other == letter)
        for other, option in ((other, without_articles(option)) for other, option in spoken.items() if option)
        if behind.startswith(option + " ") or (" " in option and including.startswith(option + " "))
    ]
    if beginnings and not max(beginnings)[1]:
        return set()
    own = canonical(options[ascii_uppercase.index(letter)]).strip().lower()
    before, found, after = rest.lower().partition(own) if own else ("", "", "")
    if found and not words(before) and not after[:1].isalnum():
        rest = rest[len(before) + len(own) :]
    another = letters.NEXT.match(rest)
    listed = letters.LISTED.finditer(letters.SENTENCE.split(rest, maxsplit=1)[0])
    rivals = chain([another] if another else [], listed)
    if letters.DOUBT.match(rest) or any(_rival(rest, other, letter, spoken) for other in rivals):
        return set()
    return {letter}
