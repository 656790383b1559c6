"""Questions with the scores of all raters, as `lmms-vg vgmed rate merge` writes them: JSON lines, one per question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from lmms_vg._util.atomic_files import replace_file
from lmms_vg._util.field_errors import said
from lmms_vg.vgmed.ratings import Scores
from lmms_vg.vgmed.rubric import THRESHOLD

#: Name of the file in the folder that `rate merge` writes.
RATED = "ratings.jsonl"

DropReason = Literal["low", "unrated", "contradictory"]

#: Reason -> what it means.
DROP_REASONS: dict[DropReason, str] = {
    "low": f"a score below {THRESHOLD}",
    "unrated": "nobody has rated it",
    "contradictory": f"one rater scored it both below and not below {THRESHOLD}, or differently in two files",
}


class RatedQuestion(BaseModel):
    """A question with all its scores.

    Attributes:
        uid: the question.
        kind: localization or attribute.
        scores: rater -> scores at the first showing, in the order of `rubric.SCALES`.
        repeats: rater -> scores at the second.
        reasons: why it is dropped; empty if it is kept.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    uid: str
    kind: str
    scores: dict[str, Scores]
    repeats: dict[str, Scores]
    reasons: list[DropReason]


def write_rated(questions: Sequence[RatedQuestion], folder: Path) -> None:
    """Write the questions to a folder."""
    replace_file(folder / RATED, "".join(f"{question.model_dump_json()}\n" for question in questions))


def read_rated(folder: Path) -> list[RatedQuestion]:
    """Read what `write_rated` wrote.

    Raises:
        ValueError: there is no such file, or a line is broken; the message has file and line.
    """
    path = folder / RATED
    if not path.is_file():
        raise ValueError(f"{folder}: it has no {RATED}; name the folder that lmms-vg vgmed rate merge wrote")
    questions = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            questions.append(RatedQuestion.model_validate_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ValueError(
                f"{path}, line {number}: {'.'.join(map(str, first['loc']))}: {said(first)}; merge the ratings again"
            ) from error
    return questions
