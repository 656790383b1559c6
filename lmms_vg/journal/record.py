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
        alignment: alignment values per layer; None if they were not measured. They are of the run's first selection of token
            rows; those of its others are in `selections`, by name.
        batch: number of questions in its batch; None if there is no answer, or if an older version wrote the record.
        first_token: what the first answer token says about the allowed answers; None if anything may be answered, if there
            is no answer, or if an older version wrote the record.
        patient: the patient, or volume, that the image is of, named as its data set; empty where no data set tells, and in
            records of older versions. It changes no answer, so it is in no key.
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
    patient: str = ""

    @model_validator(mode="after")
    def _has_both_or_neither(self) -> Record:
        if (self.error is None) != (self.error_code is None):
            raise ValueError("error and error_code are given together")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what earlier readers of this format do not know, where it is not used."""
        unused = {"first_token": None, "patient": ""}
        return {name: value for name, value in handler(self).items() if name not in unused or value != unused[name]}

    @property
    def failure(self) -> Failure | None:
        """Why the model did not answer; None if it did."""
        return None if self.error is None or self.error_code is None else Failure(self.error_code, self.error)

    @property
    def unit(self) -> str:
        """The unit of resampling in every interval: the patient, or the image where none is known."""
        return self.patient or self.image

    def alignment_of(self, rows: str | None) -> dict[str, Any] | None:
        """Return the alignment values of a further selection of token rows, or of the first for None; None without any."""
        if rows is None or self.alignment is None:
            return self.alignment
        values: dict[str, Any] | None = self.alignment.get("selections", {}).get(rows)
        return values

    def without_heads(self) -> Record:
        """Return the record without values of heads, which older versions wrote into it."""
        if not self.alignment or "heads" not in self.alignment:
            return self
        layers = {name: value for name, value in self.alignment.items() if name != "heads"}
        return self.model_copy(update={"alignment": layers})


def content_key(parts: Mapping[str, Any]) -> str:
    """Hash everything that may change an answer; `parts` must be JSON values."""
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode(errors="backslashreplace")).hexdigest()[:32]
