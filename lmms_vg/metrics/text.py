"""Normalisation of short answers for comparison: VQAv2's (Antol et al. 2015), made safe for medical words.

VQAv2 lower-cases, removes punctuation and articles, and writes number words as digits. This turns "Vitamin A" into
"vitamin", both "ER+" and "ER-" into "er", and "<5 mm" and ">5 mm" into one text; here these stay different.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_LOOKALIKES = {
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")),  # invisible: removed
    **dict.fromkeys(map(ord, "‘’‛ʼ´`′＇"), "'"),
    **dict.fromkeys(map(ord, "‐‑‒−﹣－"), "-"),
    **dict.fromkeys(map(ord, "–—―"), " - "),  # dashes separate words, hyphens join them
}
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_DIGITS = {"none": "0", **{word: str(number) for number, word in enumerate(_NUMBERS)}}
ARTICLES = frozenset({"a", "an", "the"})
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_TOKENS = re.compile(
    r"<\|[\w-]{1,30}\|>(?:assistant\b)?|</?(?:s|bos|eos|pad|unk)>|<(?:start|end)_of_turn>(?:model\b)?|\[/?INST\]"
)
# A word of a text: a number with its signs, Han characters up to an "is", or any other word.
_PIECE = re.compile(
    r"(?:[<>≤≥]=?\s*)?(?:(?<![^\s(=<>≤≥~])-)?\.?\d(?:[\d.,]*\d)?[^\W_\u4e00-\u9fff]*\+*"
    r"|[\u4e00-\u9fff]*?[是为选]|[\u4e00-\u9fff]+"
    r"|[^\W_\u4e00-\u9fff]+(?:'[^\W_\u4e00-\u9fff]+)*\+*"
)
_COMPARISON = re.compile(r"([<>≤≥])\s+(?=[-.\d])")
_PUNCTUATION = re.compile(
    r"\.(?!\d)|(?<=[^\W\d_])\."  # not the point of a decimal
    r"|-(?!\.?\d)|(?<![\s(=<>≤≥~])(?<!^)-"  # not the sign of a number
    r"|(?<![^\W_])(?<!\+)\++|(?<!\+)\++(?=[^\W_])"  # not the sign at the end of a word: ER+, 3+
    r"|[<>≤≥](?!-?\.?\d)"  # not in front of a number
    r"|[!\"#$&()*,/:;=?@\[\\\]^_{|}~¡§«¶·»¿\u2010-\u2027\u2030-\u205e\u3001-\u303f]"
)


def canonical(text: str) -> str:
    """Unify characters that look the same: NFKC (plain for full-width), straight apostrophes, no invisible characters.

    >>> canonical("Ｂ．\u00a0Crohn’s\u200b")
    "B. Crohn's"
    """
    if text.isascii():
        return text.replace("`", "'")
    # Twice, because NFKC splits "´" and turns other characters into lookalikes.
    return unicodedata.normalize("NFKC", text.translate(_LOOKALIKES)).translate(_LOOKALIKES)


def without_tokens(text: str) -> str:
    """Remove the tokens of a chat format, which some models leave in their answers.

    >>> without_tokens("<s>Left lung</s><|im_end|>").split()
    ['Left', 'lung']
    """
    return _TOKENS.sub(" ", text)


def words(text: str) -> list[str]:
    """Lower-case words without punctuation, with numbers as digits; articles are kept.

    >>> words("The X-ray’s two T2-weighted, 1.5 cm foci")
    ['the', 'x', 'rays', '2', 't2', 'weighted', '1.5', 'cm', 'foci']
    """
    plain = unicodedata.normalize("NFKC", canonical(text).lower().replace("'", ""))
    plain = _COMPARISON.sub(r" \1", plain.replace("<=", "≤").replace(">=", "≥"))
    return [_DIGITS.get(word, word) for word in _PUNCTUATION.sub(" ", _THOUSANDS.sub("", plain)).split()]


class Token(NamedTuple):
    """A word as `words` writes it, and its start and end in the text."""

    word: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """Words of a `canonical` text, with their places.

    >>> [token.word for token in tokens("B: Crohn's disease, <5 mm")]
    ['b', 'crohns', 'disease', '<5', 'mm']
    """
    for piece in _PIECE.finditer(text):
        for word in words(piece.group()):
            yield Token(word, *piece.span())


@lru_cache(maxsize=1024)  # the same few answers and references are read for every table
def normalise(text: str) -> str:
    """Words without articles, joined by single spaces; the last word is kept even if it is one: "vitamin a".

    >>> normalise(" The  X-Ray of a left Lung. ")
    'x ray of left lung'
    """
    return without_articles(words(text))


def without_articles(terms: list[str]) -> str:
    """Join words as `normalise` does.

    >>> without_articles(["the", "vitamin", "a"])
    'vitamin a'
    """
    return " ".join([word for word in terms[:-1] if word not in ARTICLES] + terms[-1:])
