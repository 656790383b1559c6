"""What the first answer token of a question says about each allowed answer, or why it says nothing."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer, model_validator

NoValue = Literal["open_set", "shared_first_token", "thinks_first", "not_finite"]

#: Code -> why a question has no value. A code never changes its meaning.
NO_VALUE: dict[NoValue, str] = {
    "open_set": "anything may be answered",
    "shared_first_token": "two allowed answers have no first token of their own",
    "thinks_first": "the model thinks before it answers",
    "not_finite": "the method rules out an allowed answer before it can be weighed",
}


class FirstToken(BaseModel):
    """Natural log-probabilities of the allowed answers as the first token; `no_value` says why there are none.

    Attributes:
        log_p: allowed answer -> log-probability over the whole vocabulary, in the order of the question's choices.
        mass: total probability of the allowed answers, from 0 to 1; the rest goes to other words.
        no_value: why there are no values; None if there are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    log_p: dict[str, float] = {}
    mass: float | None = None
    no_value: NoValue | None = None

    @model_validator(mode="after")
    def _has_values_or_says_why_not(self) -> FirstToken:
        if (self.no_value is None) == (not self.log_p) or (self.mass is None) == bool(self.log_p):
            raise ValueError("either log_p and mass are given, or no_value")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the fields that say nothing: a journal has one of these per question."""
        return {name: value for name, value in handler(self).items() if value not in (None, {})}
