"""Log-probability of each allowed answer at the first answer token of a question, or the reason why there is none."""

from __future__ import annotations

from math import exp
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

_CLOSE = 1e-4  # values are rounded, and float32 sums of up to 26 of them may be above 1

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

    log_p: dict[str, Annotated[float, Field(le=0, allow_inf_nan=False)]] = {}
    mass: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    no_value: NoValue | None = None

    @model_validator(mode="after")
    def _has_values_or_says_why_not(self) -> FirstToken:
        if (self.no_value is None) == (not self.log_p) or (self.mass is None) == bool(self.log_p):
            raise ValueError("either log_p and mass are given, or no_value")
        if self.mass is not None and abs(sum(map(exp, self.log_p.values())) - self.mass) > _CLOSE:
            raise ValueError("mass is not the sum of the probabilities")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out empty fields, because a journal has one of these per question."""
        return {name: value for name, value in handler(self).items() if value not in (None, {})}
