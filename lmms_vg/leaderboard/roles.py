"""The role of a row: ranked, or shown only for comparison."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

from lmms_vg.runs.roles import is_control, reads_references
from lmms_vg.submission.validated import Entry

#: "" is ranked; everything else is shown apart.
Role = Literal["", "oracle", "control", "chance"]

#: Role -> what is said of its rows.
ABOUT: Mapping[Role, str] = {
    "oracle": "reads the reference boxes of the questions that it answers: an upper bound, not a method",
    "control": "a control: an edit of the same kind at the wrong places, or questions that were changed before they were asked",
    "chance": "answers without looking at any image",
}


def role_of(entry: Entry) -> Role:
    """Return the role of a submission: that of its method, or a control's if its questions were changed."""
    if entry.declared:
        return ""
    return "control" if entry.run.control else _of_method(entry.run.method.name)


@cache
def _of_method(method: str) -> Role:
    """Return the role that a method's class states; a method that is not installed here is ranked."""
    return "oracle" if reads_references(method) else "control" if is_control(method) else ""
