"""Check attribute questions by the paper's guidelines. A check flags, with its reason, and people decide: nothing is rejected.

The guidelines (Figures I.3 to I.11): only what can be seen, no position, modality or plane, no diagnosis or treatment, no other
structure, one condition per question. Taken by the word, they reject examples that the paper itself gives; so "x or y" of one
property ("hyper- or hypointense") is one condition, and what belongs to the label ("left kidney") is no position.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lmms_vg.vgmed.schema import Flag

_CHECKS: dict[str, tuple[str, str]] = {
    "position": (
        r"\b(where|location|located|position(ed)?|left|right|upper|lower|quadrants?|superior|inferior|anterior|posterior)\b",
        "asks or tells where it is",
    ),
    "modality": (
        r"\b(ct|mri?|pet|ultrasound|sonogra\w+|x-?rays?|radiogra\w+|scans?|endoscop\w+|dermoscop\w+|fundus|tomogra\w+)\b",
        "names the modality",
    ),
    "plane": (r"\b(axial|coronal|sagittal|transverse|plane|slice)\b", "names the plane"),
    "diagnosis": (
        r"\b(diagnos\w+|malignan\w+|benign|cancer\w*|prognos\w+|stag(e|ing)|treat\w*|therap\w+|surg\w+|biops\w+|indicates?|"
        r"suggest\w*|caus\w+)\b",
        "needs a diagnosis or treatment, which cannot be seen",
    ),
    "unseen": (
        r"\b(mobility|mobile|movement|function\w*|pain\w*|suv|uptake value|hounsfield|hu|weight|temperature|over time|"
        r"compared (to|with) (the )?previous|volume in|exact|in (mm|cm|millimet\w+|centimet\w+))\b",
        "cannot be seen in one image without a scale",
    ),
    "surroundings": (
        r"\b(surrounding|adjacent|neighbou?ring|nearby|next to|near|beside|compared (to|with)|relative to|contralateral)\b",
        "speaks of other structures",
    ),
    "annotation": (
        r"\b(annotat\w+|bounding box|box|highlighted|marked region|outlined|segment(ed|ation)|mask)\b",
        "speaks of the annotation, which a model does not see",
    ),
    "compound": (
        r"\band\b|\bor (is|are|does|do|has|have|can|what|where|how)\b|\?.*\?|"
        r"\b(evidence|signs?|presence) of [\w-]+ or [\w-]+|\b(is|are) there (any )?[\w-]+ or [\w-]+( (in|within|on|of)\b|"
        r"\s*\?)",
        "asks more than one thing",
    ),
}


def flags(question: str, label: str) -> list[Flag]:
    """Return the objections of the guidelines to an attribute question, in the order of the checks.

    Args:
        question: the text.
        label: what it is about; its own words are not held against it.

    >>> [flag.code for flag in flags("Where is the left kidney?", "left kidney")]
    ['position']
    """
    text = re.sub(rf"\b{re.escape(label.lower())}\b", "it", question.lower())
    doubts = []
    for code, (pattern, words) in _CHECKS.items():
        if match := re.search(pattern, text):
            doubts.append(Flag(code=code, reason=f"{words}: {' '.join(match.group().split())!r}"))
    if not question.strip().endswith("?"):
        doubts.append(Flag(code="form", reason="does not end with a question mark"))
    if not _names(question, label):
        doubts.append(Flag(code="label", reason=f"does not name {label!r}"))
    return doubts


def repeated(questions: Sequence[str]) -> list[bool]:
    """Return whether each question of a set repeats one before it, in any case and punctuation."""
    seen: set[str] = set()
    result = []
    for question in questions:
        words = " ".join(re.findall(r"[a-z0-9]+", question.lower()))
        result.append(words in seen)
        seen.add(words)
    return result


def _names(question: str, label: str) -> bool:
    """Return whether a question names its label, or at least the label's noun."""
    terms = set(re.findall(r"[a-z0-9]+", question.lower()))
    words = re.findall(r"[a-z0-9]+", label.lower())
    return any(word in terms or f"{word}s" in terms or word.removesuffix("s") in terms for word in words)
