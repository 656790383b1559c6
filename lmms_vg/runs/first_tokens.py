"""Read what the samples of a run state about the first answer token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from lmms_vg._util.field_errors import said
from lmms_vg.journal import FirstToken


def first_tokens(where: object, answered: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, FirstToken]:
    """Return uid -> values, for the questions that have any, from items and the lines that they are of.

    Raises:
        ValueError: values are damaged; the message begins with `where` and names the question.
    """
    results = {}
    for item, line in answered:
        if (stated := line["n"].get("first_token")) is not None:
            try:
                results[item["uid"]] = FirstToken.model_validate(stated)
            except ValidationError as problem:
                message = said(problem.errors()[0])
                raise ValueError(f"{where}: first_token of {item['uid']}: {message}; run the command again") from None
    return results
