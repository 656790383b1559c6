"""Replace the names of options in an answer by placeholders, which no pattern reads as words.

"Right" may be a side or a judgement, and "no" an option or a denial. After the replacement, the remaining such words are
judgements.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from string import ascii_uppercase
from typing import NamedTuple

from lmms_vg.metrics.text import ARTICLES, Token, canonical, tokens

#: First and last sign: cuneiform, which counts as letters, is in no answer, and is not changed by case or normalisation.
SIGNS = (0x12000, 0x122FF)
SIGN = f"[{chr(SIGNS[0])}-{chr(SIGNS[1])}]"
_WORD_OF_OPTIONS = chr(0x12399)

_ALONE = frozenset({"yes", "no", "true", "false", "left", "right", "present", "absent", "positive", "negative"})
_JUDGEMENT = frozenset(
    {"right", "correct", "true", "possible", "plausible", "likely", "valid", "acceptable", "reasonable"}
) | frozenset({"wrong", "incorrect", "false", "unlikely", "impossible", "excluded", "second"})
_CLAUSE_END = re.compile(r"[*_\"')\]]{0,4}\s?(?:$|[.,;:!?\n。)]|-\s|(?:because|since|as|rather|not)\b)", re.I)
_OF_ANSWER = re.compile(r"[^\S\n]+(?:answer|choice|option)\b", re.I)
_BREAK = re.compile(r"[\n!?;。]")


class Marked(NamedTuple):
    """An answer with signs.

    Attributes:
        text: the answer, with signs in place of options.
        known: letters of all options.
        letters: sign -> letters of the options that it replaces, several if their texts are equal.
    """

    text: str
    known: str
    letters: dict[str, frozenset[str]]


class _Place(NamedTuple):
    start: int
    end: int
    letters: frozenset[str]


def mark(text: str, options: Sequence[str]) -> Marked:
    """Replace each option that a text names by a sign; where several options match, the longest wins.

    An option is named by its words in order, with or without articles. An option that begins with a word such as yes, no,
    left or right is also named by that word as a separate clause: "No." names "No effusion". Elsewhere, a word that could
    be a judgement ("right") gets a neutral sign if the options use it.

    >>> marked = mark("Not the right lung.", ["left lung", "right lung"])
    >>> [(sign, *letters) for sign, letters in marked.letters.items()] == [(marked.text[-2], "B")]
    True
    """
    text = re.sub(f"[{chr(SIGNS[0])}-{_WORD_OF_OPTIONS}]", " ", text)
    numbers: dict[frozenset[str], str] = {}
    parts, end = [], 0
    for place in _places(text, options):
        sign = _WORD_OF_OPTIONS
        if place.letters:
            sign = numbers.setdefault(place.letters, chr(SIGNS[0] + len(numbers)))
        between = text[end : place.start]
        parts += [between, "" if between[-1:].isspace() else " ", sign]  # "B.lung" must not look like an abbreviation
        end = place.end
    known = ascii_uppercase[: len(options)]
    return Marked("".join([*parts, text[end:]]), known, {sign: letters for letters, sign in numbers.items()})


def _places(text: str, options: Sequence[str]) -> Iterator[_Place]:
    texts, alone, used = _names(options)
    answer = list(tokens(text))
    number = 0
    while number < len(answer):
        token = answer[number]
        lengths = [(_length(text, answer, number, name), letters) for name, letters in texts.get(token.word, ())]
        length, letters = max(lengths, key=lambda fit: fit[0], default=(0, frozenset()))
        of_answer = token.word in _JUDGEMENT and _OF_ANSWER.match(text, token.end)  # "the right answer" is not a side
        if length and not (length == 1 and of_answer):
            yield _Place(token.start, answer[number + length - 1].end, letters)
        elif token.word in alone and _CLAUSE_END.match(text, token.end):
            yield _Place(token.start, token.end, alone[token.word])
        elif token.word in used and not of_answer:
            yield _Place(token.start, token.end, frozenset())
        number += max(length, 1)


_Names = dict[str, list[tuple[list[str], frozenset[str]]]]


def _names(options: Sequence[str]) -> tuple[_Names, dict[str, frozenset[str]], set[str]]:
    """First word -> options that begin with it; words that name an option alone; words of judgement in the options."""
    lettered = dict(zip(ascii_uppercase, options, strict=False))
    same: dict[tuple[str, ...], set[str]] = defaultdict(set)
    alone: dict[str, set[str]] = defaultdict(set)
    used: set[str] = set()
    for letter, option in lettered.items():
        option = canonical(option)
        pieces = list(tokens(option))
        words = [token.word for token in pieces[:-1] if not _is_article(option, token)] + [
            token.word for token in pieces[-1:]
        ]
        used |= _JUDGEMENT.intersection(words)
        if not words or (len(words) == 1 and words[0].upper() in lettered):
            continue
        same[tuple(words)].add(letter)
        if words[0] in _ALONE:
            alone[words[0]].add(letter)
    texts: _Names = defaultdict(list)
    for name, letters in same.items():
        texts[name[0]].append((list(name), frozenset(letters)))
    return texts, {word: frozenset(letters) for word, letters in alone.items() if len(letters) < len(lettered)}, used


def _length(text: str, answer: list[Token], first: int, name: list[str]) -> int:
    """Return the number of tokens from `first` on that are the option's words and articles between them; 0 if they are not."""
    number, last = first, len(answer)
    for word in name:
        while number > first and number < last and answer[number].word != word and _is_article(text, answer[number]):
            number += 1
        if (
            number == last
            or answer[number].word != word
            or (number > first and _parted(text, *answer[number - 1 : number + 1]))
        ):
            return 0
        number += 1
    return number - first


def _is_article(text: str, token: Token) -> bool:
    """Return whether a token is an article; the "A" of "A. baumannii" is not."""
    return token.word in ARTICLES and text[token.end : token.end + 1].isspace()


def _parted(text: str, before: Token, after: Token) -> bool:
    """Return whether a sentence ends between two tokens; the full stop of "A. baumannii" does not end one."""
    gap = text[before.end : after.start]
    return _BREAK.search(gap) is not None or (gap.startswith(". ") and len(before.word) > 1)
