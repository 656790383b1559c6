"""Where an answer names an option by its text: each such place becomes one sign, which no other pattern takes for a word.

"Right" is a side or a judgement, "no" an option or a denial; once the places that name options are signs, what is left of
such words is about the answer.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from string import ascii_uppercase
from typing import NamedTuple

from lmms_vg.metrics.text import ARTICLES, Token, canonical, tokens

SIGNS = (0x12000, 0x122FF)
"""Cuneiform: letters to every pattern, in no answer, and not changed by case or normalisation."""
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
    """`known`: the options' letters. `letters`: sign -> the options that it stands for, several if their texts are the same."""

    text: str
    known: str
    letters: dict[str, frozenset[str]]


class _Place(NamedTuple):
    start: int
    end: int
    letters: frozenset[str]


def mark(text: str, options: Sequence[str]) -> Marked:
    """The text with a sign in place of each option that it names; the longest option wins where several fit.

    An option is named by its words in their order, with or without articles. One that begins with yes or no, left or
    right, and the like is also named by that word where it is a clause of its own: "No." names "No effusion". Any other
    place of a word that could be a judgement ("right") gets a neutral sign if the options use that word.

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
        parts += [between, "" if between[-1:].isspace() else " ", sign]  # "B.lung" shall not look like an abbreviation
        end = place.end
    known = ascii_uppercase[: len(options)]
    return Marked("".join([*parts, text[end:]]), known, {sign: letters for letters, sign in numbers.items()})


def _places(text: str, options: Sequence[str]) -> Iterator[_Place]:
    texts, alone, used = _names(options)
    said = list(tokens(text))
    number = 0
    while number < len(said):
        token = said[number]
        lengths = [(_length(text, said, number, name), letters) for name, letters in texts.get(token.word, ())]
        length, letters = max(lengths, key=lambda fit: fit[0], default=(0, frozenset()))
        of_answer = token.word in _JUDGEMENT and _OF_ANSWER.match(text, token.end)  # "the right answer" is no side
        if length and not (length == 1 and of_answer):
            yield _Place(token.start, said[number + length - 1].end, letters)
        elif token.word in alone and _CLAUSE_END.match(text, token.end):
            yield _Place(token.start, token.end, alone[token.word])
        elif token.word in used and not of_answer:
            yield _Place(token.start, token.end, frozenset())
        number += max(length, 1)


_Names = dict[str, list[tuple[list[str], frozenset[str]]]]


def _names(options: Sequence[str]) -> tuple[_Names, dict[str, frozenset[str]], set[str]]:
    """First word -> options that begin with it; words that stand for an option alone; words of judgement in options."""
    lettered = dict(zip(ascii_uppercase, options, strict=False))
    same: dict[tuple[str, ...], set[str]] = defaultdict(set)
    alone: dict[str, set[str]] = defaultdict(set)
    used: set[str] = set()
    for letter, option in lettered.items():
        option = canonical(option)
        every = list(tokens(option))
        words = [token.word for token in every[:-1] if not _is_article(option, token)] + [
            token.word for token in every[-1:]
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


def _length(text: str, said: list[Token], first: int, name: list[str]) -> int:
    """How many tokens from `first` on are the option's words, articles between them counted; 0 if they are not."""
    number, last = first, len(said)
    for word in name:
        while number > first and number < last and said[number].word != word and _is_article(text, said[number]):
            number += 1
        if (
            number == last
            or said[number].word != word
            or (number > first and _parted(text, *said[number - 1 : number + 1]))
        ):
            return 0
        number += 1
    return number - first


def _is_article(text: str, token: Token) -> bool:
    """The "a" of "A. baumannii" is none."""
    return token.word in ARTICLES and text[token.end : token.end + 1].isspace()


def _parted(text: str, before: Token, after: Token) -> bool:
    """Whether a sentence ends between two tokens; the full stop of "A. baumannii" ends none."""
    gap = text[before.end : after.start]
    return _BREAK.search(gap) is not None or (gap.startswith(". ") and len(before.word) > 1)
