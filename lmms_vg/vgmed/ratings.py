"""The files that the rating page exports: one rater's scores of one data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lmms_vg._util.field_errors import said
from lmms_vg._util.json_text import parse_json
from lmms_vg.vgmed.agreement import LEVELS

Score = Annotated[int, Field(strict=True, ge=1, le=LEVELS)]


#: One per scale, in the order of `rubric.SCALES`.
Scores = tuple[Score, Score, Score]


class Rating(BaseModel):
    """Scores of one showing of a question.

    Attributes:
        question: its uid.
        showing: 1, or 2 for the repeat.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str
    showing: Literal[1, 2]
    scores: Scores


_RATINGS = TypeAdapter(list[Rating])


class RatingFile(BaseModel):
    """The ratings that one rater exported.

    Attributes:
        format: what the file is.
        data: hash of the data set that the page showed.
        rater: the name that the rater gave.
        seed: of the rater's order.
        questions: number of questions on the page.
        repeats: number of questions that are shown twice.
        ratings: the scores so far, in the data set's order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["lmms-vg ratings 1"]
    data: str
    rater: Annotated[str, Field(min_length=1)]
    seed: int
    questions: Annotated[int, Field(ge=1)]
    repeats: Annotated[int, Field(ge=0)]
    ratings: list[Rating]


class RatingsRead(NamedTuple):
    """The files that belong to a data set, and why others, or some of their ratings, are left out."""

    files: list[RatingFile]
    problems: list[str]


def read_ratings(paths: list[Path], data: str, uids: frozenset[str]) -> RatingsRead:
    """Read exported files. What is broken, or rates another version of the data set, is left out and named.

    Args:
        paths: the files.
        data: hash of the data set.
        uids: its questions.
    """
    files: list[RatingFile] = []
    problems: list[str] = []
    for path in paths:
        try:
            file, broken = _read(path, data, uids)
        except OSError as problem:
            problems.append(f"{path}: {problem.strerror}; left out")
        except ValueError as problem:
            problems.append(f"{path}: {problem}")
        else:
            files.append(file)
            problems += [f"{path}: {reason}" for reason in broken]
    return RatingsRead(files, problems)


def _read(path: Path, data: str, uids: frozenset[str]) -> tuple[RatingFile, list[str]]:
    content = parse_json(path.read_bytes())
    rows = content.pop("ratings", None) if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise ValueError("no list of ratings; allowed are files exported by the rating page")
    try:
        file = RatingFile.model_validate(content | {"ratings": []})
    except ValidationError as error:
        raise ValueError(f"{_first(error)}; allowed are files exported by the rating page") from error
    if file.data != data:
        raise ValueError(
            f"data {file.data[:16]}: it rates another version of the data set, whose hash is {data[:16]}; left out. "
            "Merge it with the version that its page was made from"
        )
    ratings, broken = _checked(rows, uids)
    return file.model_copy(update={"ratings": ratings}), broken


def _checked(rows: list[Any], uids: frozenset[str]) -> tuple[list[Rating], list[str]]:
    try:
        ratings = _RATINGS.validate_python(rows)  # all at once, as nearly every file is good
        if all(rating.question in uids for rating in ratings):
            return ratings, []
    except ValidationError:
        pass  # row by row, to name those that are broken
    ratings, broken = [], []
    for number, row in enumerate(rows, start=1):
        try:
            rating = Rating.model_validate(row)
        except ValidationError as error:
            broken.append(f"rating {number}: {_first(error)}; left out")
            continue
        if rating.question in uids:
            ratings.append(rating)
        else:
            broken.append(f"rating {number}: question {rating.question!r} is not in the data set; left out")
    return ratings, broken


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"])) or "the top"
    return f"{place}: {said(first)}" + ("" if first["type"] == "missing" else f", not {first['input']!r:.80}")
