"""Put labels into sentences: a or an, one or many, or a mass noun that has no article."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

GrammaticalNumber = Literal["one", "many", "mass"]

# Words that end like plurals and are none, and plurals that do not end like one.
_ONE = frozenset({"pancreas", "lens", "atlas", "pons", "biceps", "triceps", "series", "forceps"})
_MANY = frozenset(
    {"vertebrae", "bronchi", "nuclei", "metastases", "testes", "teeth", "feet", "ganglia", "hila", "alveoli", "calculi"}
    | {"septa", "costae", "villi", "diverticula", "people", "skis"}
)
_MASS = frozenset(
    {"edema", "oedema", "fluid", "ascites", "tissue", "fat", "blood", "air", "gas", "necrosis", "parenchyma", "mucosa"}
    | {"cartilage", "hemorrhage", "haemorrhage", "emphysema", "atelectasis", "pus", "broccoli"}
)
# What stands behind the noun: sides, and numbers such as T9.
_BEHIND = re.compile(
    r"(left|right|upper|lower|anterior|posterior|superior|inferior|medial|lateral|[a-z]?[0-9]+)$", re.IGNORECASE
)
_LETTERS_AFTER_AN = frozenset("AEFHILMNORSX")  # as they are spelt out: an MRI, a CT
_LIKE_YOU = re.compile(r"(uni(?!n|m)|ute|ur[eio]|use|usu|uve|eu|one\b|once\b)")  # a uterus, a ureter


class Noun(NamedTuple):
    """A label, and how sentences speak of it."""

    label: str
    number: GrammaticalNumber

    @property
    def with_article(self) -> str:
        """With a or an; as it is for many, and for a mass.

        >>> Noun("aorta", "one").with_article, Noun("lungs", "many").with_article
        ('an aorta', 'lungs')
        """
        return f"{article(self.label)} {self.label}" if self.number == "one" else self.label

    def fill(self, template: str) -> str:
        """Fill `{a label}`, `{label}`, `{is}`, `{does}`, `{has}`, and the same with a capital, in a template.

        >>> Noun("lungs", "many").fill("{Is} the {label} visible?")
        'Are the lungs visible?'
        """
        many = self.number == "many"
        words = {"is": ("is", "are"), "does": ("does", "do"), "has": ("has", "have")}
        filled = {name: forms[many] for name, forms in words.items()} | {
            "a label": self.with_article,
            "label": self.label,
        }
        filled |= {name.capitalize(): word.capitalize() for name, word in filled.items() if name in words}
        return re.sub(r"\{([A-Za-z ]+)\}", lambda match: filled[match.group(1)], template)


def noun(label: str) -> Noun:
    """Read a label of a data set, in words.

    >>> noun("left kidney").number, noun("ribs").number, noun("brain edema").number
    ('one', 'many', 'mass')
    """
    words = label.split()
    while len(words) > 1 and _BEHIND.match(words[-1]):
        words.pop()
    last = re.split(r"[-/]", words[-1].lower())[-1] if words else ""
    if last in _MASS:
        return Noun(label, "mass")
    ends_like_many = last.endswith("s") and not last.endswith(("ss", "us", "is", "os")) and len(last) > 2
    many = last in _MANY or (ends_like_many and last not in _ONE)
    return Noun(label, "many" if many else "one")


def article(words: str) -> str:
    """A or an, by the sound of the first word.

    >>> article("aorta"), article("uterus"), article("MRI scan"), article("ulcer")
    ('an', 'a', 'an', 'an')
    """
    first = re.split(r"[\s-]", words.strip())[0]
    if re.fullmatch(r"[A-Z]+[0-9]*", first):
        return "an" if first[0] in _LETTERS_AFTER_AN else "a"
    spoken_as_vowel = first[:1].lower() in "aeiou" and not _LIKE_YOU.match(first.lower())
    return "an" if (first and spoken_as_vowel) or re.match(r"(8|11$|18$)", first) else "a"
