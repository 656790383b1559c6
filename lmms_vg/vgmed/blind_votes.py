"""The files that the blind page exports, and what their votes mean under the key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lmms_vg._util.field_errors import said
from lmms_vg._util.json_text import parse_json
from lmms_vg.vgmed.blind_key import BlindKey

#: A vote that no map is better than the others.
TIE = "tie"


class CaseVote(BaseModel):
    """One vote, by ids.

    Attributes:
        case: id of the case.
        choice: id of a picture, or `tie`.
        order: ids of the pictures as the rater saw them, from the left.
        comment: what the rater wrote.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    case: str
    choice: str
    order: list[str]
    comment: Annotated[str, Field(max_length=1000)]


class VoteFile(BaseModel):
    """The votes that one rater exported."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["lmms-vg votes 1"]
    study: str
    rater: Annotated[str, Field(min_length=1)]
    votes: list[CaseVote]


class Unblinded(NamedTuple):
    """One vote with its arm.

    Attributes:
        rater: who voted.
        case: uid of the question.
        arm: the arm preferred; None for a tie.
        place: where it stood, from 0 at the left; None for a tie.
        comment: what the rater wrote, with the arms from left to right.
    """

    rater: str
    case: str
    arm: str | None
    place: int | None
    comment: str


def read_votes(paths: Sequence[Path], key: BlindKey) -> list[Unblinded]:
    """Read files of votes with the key.

    Raises:
        ValueError: a file is broken, belongs to another study, or two files have different votes of one rater on one case.
        OSError: a file cannot be read.
    """
    uids = {key.case(uid): uid for uid in key.cases}
    votes: dict[tuple[str, str], Unblinded] = {}
    for path in paths:
        file = _read(path, key)
        for number, vote in enumerate(file.votes, start=1):
            seen = _unblinded(vote, file.rater, uids, key, f"{path}, vote {number}")
            if votes.setdefault((seen.rater, seen.case), seen) != seen:
                raise ValueError(
                    f"{path}, vote {number}: rater {seen.rater!r} has voted differently on this case in another file; give "
                    "only the newest file of a rater"
                )
    return [*votes.values()]


def _read(path: Path, key: BlindKey) -> VoteFile:
    try:
        file = VoteFile.model_validate(parse_json(path.read_bytes()))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the top"
        raise ValueError(f"{path}: {place}: {said(first)}; allowed are files exported by the blind page") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}; allowed are files exported by the blind page") from error
    if file.study != key.study:
        raise ValueError(
            f"{path}: study {file.study!r} is not {key.study!r}, to which the key belongs; give its own key"
        )
    return file


def _unblinded(vote: CaseVote, rater: str, uids: dict[str, str], key: BlindKey, where: str) -> Unblinded:
    arms = key.pictures.get(vote.case)
    if arms is None:
        raise ValueError(f"{where}: case {vote.case!r} is not in the study; export the votes again")
    if sorted(vote.order) != sorted(arms) or vote.choice not in (*arms, TIE):
        raise ValueError(f"{where}: choice {vote.choice!r} of {vote.order}: allowed are {sorted(arms)} and {TIE}")
    shown = f"{vote.comment} [{', '.join(arms[picture] for picture in vote.order)}]" if vote.comment else ""
    if vote.choice == TIE:
        return Unblinded(rater, uids[vote.case], None, None, shown)
    return Unblinded(rater, uids[vote.case], arms[vote.choice], vote.order.index(vote.choice), shown)
