"""Prompts for a model behind an endpoint: attribute questions about a label, by its modality.

Written after the guidelines of the paper (Figures I.3 to I.11), in words of our own. The model never sees an image: it gets the
modality and the label only, so that one request serves all items that share them.
"""

from __future__ import annotations

import re

from lmms_vg.vgmed.attribute_rules import modality_key

WANTED = 3

_PROPERTIES = {
    "ct": "density, homogeneity, contour, calcification, contrast enhancement, size",
    "mr": "signal intensity, homogeneity, margins, contrast enhancement, necrosis, size",
    "ultrasound": "echogenicity, echotexture, margins, shape, calcification, solid or cystic appearance",
    "x-ray": "opacity, outline, shape, size, lucency",
    "fundus": "colour, pallor, margin, swelling, shape",
    "endoscopy": "surface, colour, shape, vessel pattern, size",
    "dermoscopy": "colour, pigmentation, symmetry, border, lines, dots, vessels",
    "pet": "intensity of uptake, homogeneity of uptake, margins, size",
    "": "colour, shape, texture, outline, size, state",
}

_PROMPT = """\
You write questions for a test of whether a vision-language model looks at the right place of an image. The place is known: a \
box around one structure. A good question can be answered only by looking at the whole of that structure, and needs no \
knowledge beyond what is seen there.

The image: {modality}. The structure in the box: {label}.

Write {wanted} questions about how this structure looks. Each question
- asks about one property that can be seen, such as {properties};
- matters to someone who reads such images for a living;
- calls the structure by its name, and mentions no other structure and nothing around it;
- says nothing of where it is, of how the image was made, or of the direction in which it was cut;
- asks for no diagnosis, cause or treatment, and for nothing that one still image cannot show (movement, measured values);
- holds one condition: "smooth or irregular" is one, "enlarged and irregular" are two;
- differs from the others in the property it asks about.

Answer with the {wanted} questions, each on a line of its own, ending with a question mark. No numbers, no quotation marks, \
nothing else."""


def prompt(modality: str, label: str) -> str:
    """Return the request for questions about a label in images of a modality."""
    properties = _PROPERTIES[modality_key(modality)]
    return _PROMPT.format(modality=modality, label=label, wanted=WANTED, properties=properties)


def questions_in(answer: str) -> list[str]:
    r"""Return the questions in a model's answer: lines that end with a question mark, without bullets, numbers and quotes.

    >>> questions_in('Here they are:\n1. "Is it large?"\n- Is it round?')
    ['Is it large?', 'Is it round?']
    """
    lines = (re.sub(r"^\s*(?:[-*•]|\(?[0-9]+[.):])\s*", "", line).strip(" \t\"'“”*`") for line in answer.splitlines())
    return [" ".join(line.split()) for line in lines if line.endswith("?") and len(line) <= 300]
