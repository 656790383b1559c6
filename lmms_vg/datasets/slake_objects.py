"""Link SLAKE's questions to the objects that its images have boxes and masks of.

SLAKE does not say which object a question is about, so the link is made by name, with words that are listed as data
(`slake_objects.json`):

1. The objects named in the question count; if it names none, those named in the answer.
2. Names are whole words, in any case, with or without a plural s; the longest one counts ("lung cancer" names no lung).
3. "left" or "right" before the name, or before "of" and the name ("on the left lobe of the lung"), keeps the other side out.
   Without a word for the side, both are meant.
4. A question that names several objects is about all of them.

Some words stand for two objects: a "brain tumor" may be the enhancing or the non-enhancing one. Labels of the images' files
are read by the same rule.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sides: bool = False
    also: list[str] = []


class Vocabulary(BaseModel):
    """The content of `slake_objects.json`.

    Attributes:
        about: what the file is.
        mask_values: label -> its value in a mask (`mask.txt`).
        objects: object -> whether it has a left and a right one, and other words for it.
    """

    model_config = ConfigDict(extra="forbid")
    about: str
    mask_values: dict[str, int]
    objects: dict[str, _Words]


class Mention(NamedTuple):
    """An object as a text names it.

    Attributes:
        name: key of `Vocabulary.objects`.
        side: "left" or "right"; empty if the text does not say, or if the object has no sides.
    """

    name: str
    side: str = ""

    def means(self, label: Mention) -> bool:
        """Return whether a file's label is what this mention means.

        >>> Mention("Kidney").means(Mention("Kidney", "left")), Mention("Kidney", "right").means(Mention("Kidney", "left"))
        (True, False)
        """
        return self.name == label.name and self.side in ("", label.side)


@cache
def vocabulary() -> Vocabulary:
    """Return the objects and their words."""
    return Vocabulary.model_validate_json(
        resources.files("lmms_vg.datasets").joinpath("slake_objects.json").read_text("utf-8")
    )


def mentions(text: str) -> frozenset[Mention]:
    """Return the objects that a text names.

    >>> sorted(mentions("Which is bigger, the liver or the Left Kidney?"))
    [Mention(name='Kidney', side='left'), Mention(name='Liver', side='')]
    """
    pattern, objects = _names()
    mentions: set[Mention] = set()
    for match in pattern.finditer(text.lower()):
        sides = {side for side in match.group("before", "and", "of") if side}
        side = sides.pop() if len(sides) == 1 else ""  # "left and right lung" are both
        mentions |= {Mention(name, side if vocabulary().objects[name].sides else "") for name in objects[match["name"]]}
    return frozenset(mentions)


def linked(question: str, answer: str) -> frozenset[Mention]:
    """Return the objects that a question is about, by the rule of this module; none if neither text names one.

    >>> linked("Is the lung healthy?", "The heart is"), linked("Which organ is this?", "Heart")
    (frozenset({Mention(name='Lung', side='')}), frozenset({Mention(name='Heart', side='')}))
    """
    return mentions(question) or mentions(answer)


@cache
def _names() -> tuple[re.Pattern[str], dict[str, list[str]]]:
    """Return a pattern that finds names with their sides, and name -> the objects it stands for."""
    objects: dict[str, list[str]] = {}
    for name, words in vocabulary().objects.items():
        for word in (name.lower(), *words.also):
            objects.setdefault(word, []).append(name)
    longest_first = "|".join(re.escape(word) for word in sorted(objects, key=lambda word: (-len(word), word)))
    side = r"left|right"
    of = rf"(?P<of>{side})(?:\s+(?:lobe|side|part))?\s+of\s+(?:the\s+)?"
    before = rf"(?P<before>{side})(?:\s+(?:and|or)\s+(?P<and>{side}))?\s+"
    return re.compile(rf"(?:\b(?:{of}|{before}))?\b(?P<name>{longest_first})s?\b"), objects
