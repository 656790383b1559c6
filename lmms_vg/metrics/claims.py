"""Claims of a free-form answer: letters and names of options that are meant as the answer and not withdrawn."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from string import ascii_uppercase

from lmms_vg.metrics import choice_patterns
from lmms_vg.metrics.mentions import Marked, mark
from lmms_vg.metrics.text import canonical

#: Letters claimed at a place of an answer, none if the claim is not clear, and the place's end.
Claim = tuple[set[str], int]
_NEAR = 300  # characters that are read before or after a letter or a phrase


def chosen(answer: str, options: Sequence[str]) -> str | None:
    """Letter of the option that all claims of an answer have in common; None if there is none or more than one."""
    text = choice_patterns.final_part(canonical(answer))
    known = ascii_uppercase[: len(options)]
    if choice_patterns.CROSS.search(text):
        return None
    alone = choice_patterns.ALONE.fullmatch(text)
    if alone and _letter(alone) in known:
        return _letter(alone)
    marked = mark(choice_patterns.lettered(text, known), options)
    claims = _alone(marked) or list(_claims(marked)) or list(_statements(marked))
    letters = set.intersection(*(claim for claim, _ in claims)) if claims else set()
    if len(letters) != 1:
        return None
    last = max(end for _, end in claims)
    later = chain(
        choice_patterns.AGAIN.finditer(marked.text, last), choice_patterns.POSSIBLE.finditer(marked.text, last)
    )
    return None if any(_rival(marked, other, letters) for other in later) else letters.pop()


def _alone(answer: Marked) -> list[Claim]:
    """Return the claim of an answer that is only an option's text."""
    match = choice_patterns.NAMED_ALONE.fullmatch(answer.text)
    return [({*answer.letters[match["sign"]]}, len(answer.text))] if match else []


def _letter(match: re.Match[str]) -> str:
    return match["letter"].upper()


def _claims(answer: Marked) -> Iterator[Claim]:
    """Claims of the answer's start, of its last line and of each answer phrase."""
    text = answer.text
    last = choice_patterns.LAST.search(text)
    for begin in (0, last.start("claim")) if last else (0,):
        claim, leading = _clause_claim(answer, begin), choice_patterns.LEADING.match(text, begin)
        if claim is None and leading and _letter(leading) in answer.known:
            claim = _letter_claim(answer, leading), leading.end()
        if claim:
            labels = _labels(answer, 0 if begin else claim[1] - 1)
            if not labels - claim[0]:  # else this is a list of the options, and the answer is below
                yield claim
    repeats = set()
    for phrase in chain(choice_patterns.PHRASE.finditer(text), choice_patterns.CONTRAST.finditer(text)):
        near = text[phrase.start() : phrase.end() + _NEAR]
        if near in repeats or _negated(text, phrase.start()):
            continue
        repeats.add(near)  # answers that repeat themselves would take long
        label = choice_patterns.EXPLICIT.match(text, phrase.end())
        claim = _clause_claim(answer, phrase.end())
        if claim is not None:
            yield claim
        elif label and _letter(label) in answer.known:
            yield _letter_claim(answer, label), label.end()
    for label in choice_patterns.CORRECT.finditer(text):
        if _negated(text, label.start("letter" if label["letter"] else "sign")):
            continue
        if label["sign"]:
            yield {*answer.letters[label["sign"]]}, label.end()
        elif _letter(label) in answer.known:
            yield _letter_claim(answer, label), label.end()


def _labels(answer: Marked, begin: int) -> set[str]:
    """Letters in the form of a list of the options, without those that are ruled out."""
    letters = set()
    for label in choice_patterns.MARKED.finditer(answer.text, begin):
        if not _rejected(answer.text, label.end("letter")):
            letters.add(_letter(label))
    return letters & {*answer.known}


def _statements(answer: Marked) -> Iterator[Claim]:
    """Claims of sentences about what is seen."""
    for sentence in choice_patterns.SHOWN.finditer(answer.text):
        group = "sign" if sentence["sign"] else "subject"
        if _clause(answer.text, sentence.start(group), choice_patterns.UNSURE):
            continue
        letters = {*answer.letters[sentence[group]]}
        if sentence["behind"]:
            letters &= {sentence["behind"].upper()}
        before = choice_patterns.SENTENCE.split(answer.text[: sentence.start(group)][-_NEAR:])[-1]
        rivals = any(_rival(answer, other, letters) for other in choice_patterns.NAME.finditer(before))
        if rivals or choice_patterns.DOUBT.match(answer.text, sentence.end()):
            letters = set()
        yield letters, sentence.end()


def _negated(text: str, start: int) -> bool:
    return _clause(text, start, choice_patterns.NEGATION)


def _clause(text: str, start: int, pattern: re.Pattern[str]) -> bool:
    """Return whether a pattern occurs between the start of the clause and `start`."""
    return pattern.search(choice_patterns.CLAUSE.split(text[max(0, start - 200) : start])[-1]) is not None


def _rival(answer: Marked, match: re.Match[str], letters: Collection[str]) -> bool:
    """Return whether a match names an option other than `letters` and does not rule it out."""
    sign = match.groupdict().get("sign")
    group, others = ("sign", answer.letters[sign]) if sign else ("letter", {_letter(match)} & {*answer.known})
    if not others or not others.isdisjoint(letters) or _negated(match.string, match.start(group)):
        return False
    return not _rejected(match.string, match.end(group))


def _rejected(text: str, end: int) -> bool:
    """Return whether the text after an option's letter, or after the option's text that follows it, rules the option out."""
    name = choice_patterns.OWN.match(text, end)
    return any(choice_patterns.REJECTED.match(text, place) for place in {end, name.end() if name else end})


def _clause_claim(answer: Marked, start: int) -> Claim | None:
    """Claim of a first clause that is an option's text, with or without its letter; no letters if it names more options."""
    text = answer.text
    clause = choice_patterns.TOLD.match(text, start)
    if clause is None:
        return None
    letters = {*answer.letters[clause["sign"]]}
    article = clause["label"] in ("a", "A") and clause["between"].isspace() and "\n" not in clause["between"]
    for label in (None if article else clause["label"], clause["behind"]):
        if label is not None:
            letters &= {label.upper()}
    rest = text[clause.end() : clause.end() + _NEAR]
    again = choice_patterns.TOLD.match(choice_patterns.TOO.sub("", rest, count=1))
    if (
        again
        and answer.letters[again["sign"]].isdisjoint(letters)
        and not choice_patterns.NEGATION.search(_sentence(rest))
    ):
        letters = set()
    remainder = _sentence(rest) if clause["stop"] is None else ""
    return (set() if _withdrawn(answer, rest, remainder, letters) else letters), clause.end("sign")


def _letter_claim(answer: Marked, label: re.Match[str]) -> set[str]:
    """Return the letter, unless another option's text or another letter follows, or the claim is withdrawn."""
    letter, rest = _letter(label), answer.text[label.end("letter") :]
    name = choice_patterns.OWN.match(rest)
    if name:
        if letter not in answer.letters[name["sign"]]:
            return set()
        rest = rest[name.end() :]
    return (
        set()
        if _withdrawn(answer, rest, _sentence(rest[:_NEAR]), {letter}) or _first_of_wrong(letter, rest)
        else {letter}
    )


def _first_of_wrong(letter: str, rest: str) -> bool:
    """Return whether a letter begins a list of letters that are ruled out: "A, C and D are wrong", but not "B, A is wrong"."""
    rejected = choice_patterns.REJECTED.match(rest)
    others = re.findall(r"\b[A-Z]\b", rejected["others"].upper()) if rejected else []
    return bool(others) and letter < min(others)


def _sentence(rest: str) -> str:
    return choice_patterns.SENTENCE.split(rest, maxsplit=1)[0]


def _withdrawn(answer: Marked, rest: str, clause: str, letters: set[str]) -> bool:
    """Return whether the text after a claim doubts it, or the rest of its clause names another option."""
    another, listed = choice_patterns.NEXT.match(rest), choice_patterns.LISTED.finditer(clause)
    return choice_patterns.DOUBT.match(rest) is not None or any(
        _rival(answer, other, letters) for other in chain([another] if another else [], listed)
    )
