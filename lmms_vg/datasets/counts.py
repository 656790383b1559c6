"""Expected numbers of questions: a benchmark with one question more or less is another benchmark."""

from __future__ import annotations

import os

from loguru import logger

from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import DataError

PARTIAL_ENV = "LMMS_VG_PARTIAL_DATA"

#: Wrong counts that this process accepted, part -> message: printed next to every result.
deviations: dict[str, str] = {}


def partial_allowed() -> bool:
    """Return whether the user allows incomplete data (`LMMS_VG_PARTIAL_DATA=1`)."""
    return os.environ.get(PARTIAL_ENV) == "1"


def check_count(spec: DatasetSpec, part: str, count: int, least: int = 1) -> None:
    """Compare a number of questions with the expected one.

    Args:
        spec: the data set.
        part: key of `spec.counts`.
        count: number of questions found.
        least: number of questions that is enough where partial data are allowed; the difference is then a warning
            and an entry of `deviations`.

    Raises:
        DataError: the numbers differ.
    """
    expected = spec.counts[part]
    if count == expected:
        return
    cause = "the file is cut short or is another version" if count < expected else "the file is another version"
    message = f"{spec.name} {part}: {count} questions found, {expected} expected; probably {cause}"
    if not partial_allowed():
        raise DataError(
            f"{message}. {PARTIAL_ENV}=1 runs on part of the data; such results do not count as {spec.name}."
        )
    if count < least:
        raise DataError(f"{message}. There is no question to ask.")
    deviations[f"{spec.name} {part}"] = message
    logger.warning(f"PARTIAL DATA ({PARTIAL_ENV}=1): {message}. These results do not count as {spec.name}.")
