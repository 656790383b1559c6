"""Attribute questions without a model behind an endpoint: what can be seen of a structure in each modality."""

from __future__ import annotations

from lmms_vg.vgmed.grammar import noun

#: Modality, in lower case -> its questions. Every one asks about one property that can be seen in a single image.
RULES: dict[str, tuple[str, ...]] = {
    "ct": (
        "{Does} the {label} have a homogeneous or heterogeneous density?",
        "{Does} the {label} have a smooth or irregular contour?",
        "{Does} the {label} appear enlarged?",
    ),
    "mr": (
        "{Is} the {label} hyperintense or hypointense?",
        "{Does} the {label} have a homogeneous or heterogeneous signal?",
        "{Does} the {label} have well-defined or ill-defined margins?",
    ),
    "ultrasound": (
        "{Is} the {label} hyperechoic or hypoechoic?",
        "{Does} the {label} have a homogeneous or heterogeneous echotexture?",
        "{Does} the {label} have regular or irregular margins?",
    ),
    "x-ray": (
        "{Does} the {label} appear more opaque or more lucent?",
        "{Does} the {label} have a sharp or blurred outline?",
        "{Does} the {label} appear enlarged?",
    ),
    "fundus": (
        "{Does} the {label} have a sharp or blurred margin?",
        "{Does} the {label} appear pale?",
        "{Does} the {label} have a round or oval shape?",
    ),
    "endoscopy": (
        "{Does} the {label} have a smooth or lobulated surface?",
        "{Does} the {label} appear reddened?",
        "{Does} the {label} have a flat or raised shape?",
    ),
    "dermoscopy": (
        "{Does} the {label} have a uniform or varied colour?",
        "{Does} the {label} have a symmetric or asymmetric shape?",
        "{Does} the {label} have a regular or irregular border?",
    ),
    "pet": (
        "{Does} the {label} show intense or faint uptake?",
        "{Does} the {label} have a homogeneous or heterogeneous uptake?",
        "{Does} the {label} have well-defined or ill-defined margins?",
    ),
    "": (
        "{Does} the {label} have a regular or irregular shape?",
        "{Does} the {label} have a uniform or varied texture?",
        "{Does} the {label} have sharp or blurred edges?",
    ),
}

_SAME = {"mri": "mr", "us": "ultrasound", "xray": "x-ray", "radiography": "x-ray", "fundus photography": "fundus"}


def modality_key(modality: str) -> str:
    """Return the key of a modality in `RULES`; empty for one that has no questions of its own."""
    key = modality.lower().strip()
    key = _SAME.get(key, key)
    return key if key in RULES else ""


def rule_questions(modality: str, label: str) -> list[str]:
    """Three questions about a label, by its modality."""
    return [noun(label).fill(template) for template in RULES[modality_key(modality)]]
