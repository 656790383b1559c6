"""The record of one question, and the key under which it is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer, model_validator

from lmms_vg._util.error_codes import ErrorCode, Failure
from lmms_vg.journal.first_token import FirstToken


class Record(BaseModel):
    """One asked question; `error` and `error_code` are None if and only if the model answered.

    Attributes:
        key: content key of everything that may change the record.
        task: name of the task.
        uid: id of the document in the task.
        text: the answer.
        error: why there is no answer.
        error_code: the same as a code.
        prompt: the prompt as text.
        image: hashes of the images, joined by "+".
        seconds: duration of its batch, divided by the number of questions.
        decoding: generation settings.
        extras: what the method adds, and the diagnosis.
        alignment: alignment values per layer; None if they were not measured.
        batch: number of questions in its batch; None if there is no answer, or if an older version wrote the record.
        first_token: what the first answer token says about the allowed answers; None if anything may be answered, if there
            is no answer, or if an older version wrote the record.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    task: str
    uid: str
    text: str = ""
    error: str | None = None
    error_code: ErrorCode | None = None
    prompt: str = ""
    image: str = ""
    seconds: float = 0.0
    decoding: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    alignment: dict[str, Any] | None = None
    batch: int | None = None
    first_token: FirstToken | None = None

    @model_validator(mode="after")
    def _has_both_or_neither(self) -> Record:
        if (self.error is None) != (self.error_code is None):
            raise ValueError("error and error_code are given together")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what earlier readers of this format do not know, where it is not used."""
        return {name: value for name, value in handler(self).items() if name != "first_token" or value is not None}

    @property
    def failure(self) -> Failure | None:
        """Why the model did not answer; None if it did."""
        return None if self.error is None or self.error_code is None else Failure(self.error_code, self.error)

    def without_heads(self) -> Record:
        """Return the record without per-head values (layers x heads numbers per question), as it is kept in memory."""
        if not self.alignment or "heads" not in self.alignment:
            return self
        layers = {name: value for name, value in self.alignment.items() if name != "heads"}
        return self.model_copy(update={"alignment": layers})


def content_key(parts: Mapping[str, Any]) -> str:
    """Hash everything that may change an answer; `parts` must be JSON values."""
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode(errors="backslashreplace")).hexdigest()[:32]
