"""When are two short answers the same text: VQAv2's normalisation (Antol et al. 2015), kept safe for medical words.

VQAv2 lower-cases, drops punctuation and articles and writes number words as digits. That makes "vitamin" of "Vitamin A",
"er" of both "ER+" and "ER-", and one size of "<5 mm" and ">5 mm": here these stay apart.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

_LOOKALIKES = {
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")),  # invisible: dropped
    **dict.fromkeys(map(ord, "‘’‛ʼ´`′＇"), "'"),
    **dict.fromkeys(map(ord, "‐‑‒−﹣－"), "-"),
    **dict.fromkeys(map(ord, "–—―"), " - "),  # these part words, hyphens join them
}
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_DIGITS = {"none": "0", **{word: str(number) for number, word in enumerate(_NUMBERS)}}
ARTICLES = frozenset({"a", "an", "the"})
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_TOKENS = re.compile(
    r"<\|[\w-]{1,30}\|>(?:assistant\b)?|</?(?:s|bos|eos|pad|unk)>|<(?:start|end)_of_turn>(?:model\b)?|\[/?INST\]"
)
# Pieces of a text that are words: numbers with their signs, Han characters up to an "is", all others.
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
    """One spelling for what looks the same: NFKC, so full-width is plain, straight apostrophes, no invisible characters.

    >>> canonical("Ｂ．\u00a0Crohn’s\u200b")
    "B. Crohn's"
    """
    if text.isascii():
        return text.replace("`", "'")
    # Twice, because NFKC takes "´" apart and makes new lookalikes of others.
    return unicodedata.normalize("NFKC", text.translate(_LOOKALIKES)).translate(_LOOKALIKES)


def without_tokens(text: str) -> str:
    """The text without the tokens that frame it in a chat format, which some models leave in their answers.

    >>> without_tokens("<s>Left lung</s><|im_end|>").split()
    ['Left', 'lung']
    """
    return _TOKENS.sub(" ", text)


def words(text: str) -> list[str]:
    """Lower-case words without punctuation, numbers as digits; articles stay.

    >>> words("The X-ray’s two T2-weighted, 1.5 cm foci")
    ['the', 'x', 'rays', '2', 't2', 'weighted', '1.5', 'cm', 'foci']
    """
    plain = unicodedata.normalize("NFKC", canonical(text).lower().replace("'", ""))
    plain = _COMPARISON.sub(r" \1", plain.replace("<=", "≤").replace(">=", "≥"))
    return [_DIGITS.get(word, word) for word in _PUNCTUATION.sub(" ", _THOUSANDS.sub("", plain)).split()]


class Token(NamedTuple):
    """A word as `words` writes it, and where it stands in the text."""

    word: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """The words of a `canonical` text, with their places.

    >>> [token.word for token in tokens("B: Crohn's disease, <5 mm")]
    ['b', 'crohns', 'disease', '<5', 'mm']
    """
    for piece in _PIECE.finditer(text):
        for word in words(piece.group()):
            yield Token(word, *piece.span())


def normalise(text: str) -> str:
    """The words but for articles in front of another word, with single spaces. The last word stays: "vitamin a".

    >>> normalise(" The  X-Ray of a left Lung. ")
    'x ray of left lung'
    """
    return without_articles(words(text))


def without_articles(found: list[str]) -> str:
    """Words as ``normalise`` joins them.

    >>> without_articles(["the", "vitamin", "a"])
    'vitamin a'
    """
    return " ".join([word for word in found[:-1] if word not in ARTICLES] + found[-1:])
