"""What a method is for: to be ranked, or only to help to read those that are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

from loguru import logger

from lmms_vg.extensions.classes import ExtensionError

#: "" is ranked; everything else is shown apart.
Role = Literal["", "oracle", "control", "chance"]

#: Role -> what is said of its rows.
ABOUT: Mapping[Role, str] = {
    "oracle": "reads the reference boxes of the questions that it answers: an upper bound, not a method",
    "control": "a control: an edit of the same kind at the wrong places, for comparison",
    "chance": "answers without looking at any image",
}


@cache
def role_of(method: str) -> Role:
    """Return the role that a method's class states; a method that is not installed here is ranked."""
    from lmms_vg.methods import METHODS  # late: it takes seconds

    if method not in METHODS:
        return ""
    try:
        stated = METHODS[method]
    except ExtensionError as problem:
        logger.warning(
            f"lmms_vg: {problem}; its rows are ranked, since nobody knows whether it is an oracle or a control"
        )
        return ""
    return "oracle" if stated.needs_boxes else "control" if stated.control else ""
