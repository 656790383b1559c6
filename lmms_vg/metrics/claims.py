"""What a free-form answer claims: letters and names of options, where they stand for the answer and are not taken back."""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from string import ascii_uppercase

from lmms_vg.metrics import choice_patterns
from lmms_vg.metrics.mentions import Marked, mark
from lmms_vg.metrics.text import canonical

Claim = tuple[set[str], int]
"""The letters that a place in an answer claims, none if that is not clear, and where it ends."""
_NEAR = 300  # how many characters behind a letter or a phrase are looked at


def chosen(answer: str, options: Sequence[str]) -> str | None:
    """The letter of the one option that all claims of an answer have in common; None if there is none, or no single one."""
    text = choice_patterns.final_part(canonical(answer))
    known = ascii_uppercase[: len(options)]
    if choice_patterns.CROSS.search(text):
        return None
    alone = choice_patterns.ALONE.fullmatch(text)
    if alone and _letter(alone) in known:
        return _letter(alone)
    marked = mark(choice_patterns.lettered(text, known), options)
    claims = _alone(marked) or list(_claims(marked)) or list(_shown(marked))
    claimed = set.intersection(*(claim for claim, _ in claims)) if claims else set()
    if len(claimed) != 1:
        return None
    last = max(end for _, end in claims)
    later = chain(
        choice_patterns.AGAIN.finditer(marked.text, last), choice_patterns.POSSIBLE.finditer(marked.text, last)
    )
    return None if any(_rival(marked, other, claimed) for other in later) else claimed.pop()


def _alone(answer: Marked) -> list[Claim]:
    """What an answer claims that is an option's text and nothing else."""
    named = choice_patterns.NAMED_ALONE.fullmatch(answer.text)
    return [({*answer.letters[named["sign"]]}, len(answer.text))] if named else []


def _letter(match: re.Match[str]) -> str:
    return match["letter"].upper()


def _claims(answer: Marked) -> Iterator[Claim]:
    """What the start of the answer, its last line and each of its answer phrases claim, and where; no letter if not clear."""
    text = answer.text
    last = choice_patterns.LAST.search(text)
    for begin in (0, last.start("claim")) if last else (0,):
        start, leading = _told(answer, begin), choice_patterns.LEADING.match(text, begin)
        if start is None and leading and _letter(leading) in answer.known:
            start = _stands(answer, leading), leading.end()
        if start:
            marked = _marked(answer, 0 if begin else start[1] - 1)
            if not marked - start[0]:  # else a list of the options, and the answer is below
                yield start
    seen = set()
    for phrase in chain(choice_patterns.PHRASE.finditer(text), choice_patterns.CONTRAST.finditer(text)):
        near = text[phrase.start() : phrase.end() + _NEAR]
        if near in seen or _negated(text, phrase.start()):
            continue
        seen.add(near)  # answers that go round in circles would take long
        label = choice_patterns.EXPLICIT.match(text, phrase.end())
        told = _told(answer, phrase.end())
        if told is not None:
            yield told
        elif label and _letter(label) in answer.known:
            yield _stands(answer, label), label.end()
    for label in choice_patterns.CORRECT.finditer(text):
        if _negated(text, label.start("letter" if label["letter"] else "sign")):
            continue
        if label["sign"]:
            yield {*answer.letters[label["sign"]]}, label.end()
        elif _letter(label) in answer.known:
            yield _stands(answer, label), label.end()


def _marked(answer: Marked, begin: int) -> set[str]:
    """The letters that stand like those of a list of the options, but for the ones that are ruled out."""
    found = set()
    for label in choice_patterns.MARKED.finditer(answer.text, begin):
        if not _rejected(answer.text, label.end("letter")):
            found.add(_letter(label))
    return found & {*answer.known}


def _shown(answer: Marked) -> Iterator[Claim]:
    """The options that sentences name as what is seen."""
    for sentence in choice_patterns.SHOWN.finditer(answer.text):
        group = "sign" if sentence["sign"] else "subject"
        if _clause(answer.text, sentence.start(group), choice_patterns.UNSURE):
            continue
        claimed = {*answer.letters[sentence[group]]}
        if sentence["behind"]:
            claimed &= {sentence["behind"].upper()}
        before = choice_patterns.SENTENCE.split(answer.text[: sentence.start(group)][-_NEAR:])[-1]
        rivals = any(_rival(answer, other, claimed) for other in choice_patterns.NAME.finditer(before))
        if rivals or choice_patterns.DOUBT.match(answer.text, sentence.end()):
            claimed = set()
        yield claimed, sentence.end()


def _negated(text: str, start: int) -> bool:
    return _clause(text, start, choice_patterns.NEGATION)


def _clause(text: str, start: int, pattern: re.Pattern[str]) -> bool:
    """Whether a pattern is found in the clause up to here."""
    return pattern.search(choice_patterns.CLAUSE.split(text[max(0, start - 200) : start])[-1]) is not None


def _rival(answer: Marked, match: re.Match[str], claimed: Collection[str]) -> bool:
    """Whether another option is named and not ruled out."""
    sign = match.groupdict().get("sign")
    group, others = ("sign", answer.letters[sign]) if sign else ("letter", {_letter(match)} & {*answer.known})
    if not others or not others.isdisjoint(claimed) or _negated(match.string, match.start(group)):
        return False
    return not _rejected(match.string, match.end(group))


def _rejected(text: str, end: int) -> bool:
    """Whether what stands behind an option, its text perhaps between, rules it out."""
    own = choice_patterns.OWN.match(text, end)
    return any(choice_patterns.REJECTED.match(text, place) for place in {end, own.end() if own else end})


def _told(answer: Marked, start: int) -> Claim | None:
    """Letters of the options whose text, with or without its letter, is the first clause; empty if more is named."""
    text = answer.text
    told = choice_patterns.TOLD.match(text, start)
    if told is None:
        return None
    claimed = {*answer.letters[told["sign"]]}
    article = told["label"] in ("a", "A") and told["between"].isspace() and "\n" not in told["between"]
    for label in (None if article else told["label"], told["behind"]):
        if label is not None:
            claimed &= {label.upper()}
    rest = text[told.end() : told.end() + _NEAR]
    again = choice_patterns.TOLD.match(choice_patterns.TOO.sub("", rest, count=1))
    if (
        again
        and answer.letters[again["sign"]].isdisjoint(claimed)
        and not choice_patterns.NEGATION.search(_sentence(rest))
    ):
        claimed = set()
    clause = _sentence(rest) if told["stop"] is None else ""
    return (set() if _taken_back(answer, rest, clause, claimed) else claimed), told.end("sign")


def _stands(answer: Marked, label: re.Match[str]) -> set[str]:
    """The letter, unless what follows is the text of another option, another letter, or takes it back."""
    letter, rest = _letter(label), answer.text[label.end("letter") :]
    named = choice_patterns.OWN.match(rest)
    if named:
        if letter not in answer.letters[named["sign"]]:
            return set()
        rest = rest[named.end() :]
    return (
        set()
        if _taken_back(answer, rest, _sentence(rest[:_NEAR]), {letter}) or _first_of_wrong(letter, rest)
        else {letter}
    )


def _first_of_wrong(letter: str, rest: str) -> bool:
    """Whether a list of letters that are ruled out begins with this one: "A, C and D are wrong", but not "B, A is wrong"."""
    rejected = choice_patterns.REJECTED.match(rest)
    others = re.findall(r"\b[A-Z]\b", rejected["others"].upper()) if rejected else []
    return bool(others) and letter < min(others)


def _sentence(rest: str) -> str:
    return choice_patterns.SENTENCE.split(rest, maxsplit=1)[0]


def _taken_back(answer: Marked, rest: str, clause: str, claimed: set[str]) -> bool:
    """Whether what stands behind a claim doubts it, or the clause it ends names another option beside it."""
    another, listed = choice_patterns.NEXT.match(rest), choice_patterns.LISTED.finditer(clause)
    return choice_patterns.DOUBT.match(rest) is not None or any(
        _rival(answer, other, claimed) for other in chain([another] if another else [], listed)
    )
