"""The key of a blind study, which tells its arms apart: a file that no rater gets.

Ids of cases and pictures are keyed hashes (HMAC-SHA256) of what they stand for. Without the secret nobody can compute them, not
even from the runs; with it, the arm of every picture follows from its id.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lmms_vg._util.atomic_files import write_new
from lmms_vg._util.field_errors import said

FORMAT: Literal["lmms-vg blind key 1"] = "lmms-vg blind key 1"
_DIGITS = 20  # of an id: 80 bits


class BlindKey(BaseModel):
    """The key of a blind study.

    Attributes:
        format: what the file is.
        secret: 64 hexadecimal digits.
        task: the task that the questions are from.
        layer: the layer whose maps are shown, from 0.
        arms: arm -> what it is, in words.
        cases: uids of the questions.
        made_with: versions and settings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["lmms-vg blind key 1"] = FORMAT
    secret: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    task: str
    layer: Annotated[int, Field(ge=0)]
    arms: dict[str, str]
    cases: list[str]
    made_with: dict[str, str]

    @property
    def study(self) -> str:
        """Id of the study, which its votes carry."""
        return self._id("study", self.task, str(self.layer), *self.arms, *self.cases)

    def case(self, uid: str) -> str:
        """Id of a case."""
        return self._id("case", uid)

    def picture(self, uid: str, arm: str) -> str:
        """Id of one arm's picture of a case."""
        return self._id("picture", uid, arm)

    @cached_property
    def pictures(self) -> dict[str, dict[str, str]]:
        """Id of a case -> id of a picture -> its arm."""
        return {self.case(uid): {self.picture(uid, arm): arm for arm in self.arms} for uid in self.cases}

    def _id(self, *parts: str) -> str:
        message = "\0".join(parts).encode()
        return hmac.new(bytes.fromhex(self.secret), message, hashlib.sha256).hexdigest()[:_DIGITS]


def secret_of(path: Path) -> str:
    """Return the secret of an existing key, so that a study can be made again bit for bit, or a new one.

    Raises:
        ValueError: there is a file that is no key.
    """
    return read_key(path).secret if path.exists() else secrets.token_hex(32)


def read_key(path: Path) -> BlindKey:
    """Read a key.

    Raises:
        ValueError: it is none.
        OSError: it cannot be read.
    """
    try:
        return BlindKey.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(
            f"{path}: {'.'.join(map(str, first['loc'])) or 'the top'}: {said(first)}; allowed is the key that "
            "lmms-vg vgmed blind page wrote"
        ) from error


def write_key(key: BlindKey, path: Path) -> None:
    """Write a key; an existing one may only be the same.

    Raises:
        ValueError: `path` holds the key of another study.
    """
    text = key.model_dump_json(indent=1) + "\n"
    if not path.exists():
        write_new(path, text)
    elif read_key(path) != key:
        raise ValueError(f"{path} is the key of another study, which cannot be scored without it; name another file")
