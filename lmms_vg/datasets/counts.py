"""Counts that make a result comparable: a benchmark with a question more or less is another benchmark."""

import os

from loguru import logger

from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import DataError

PARTIAL_ENV = "LMMS_VG_PARTIAL_DATA"

deviations: dict[str, str] = {}
"""Counts that were off and let through in this process, part -> message: to be printed beside every result."""


def partial_allowed() -> bool:
    """Whether the user asked for part of the data (``LMMS_VG_PARTIAL_DATA=1``)."""
    return os.environ.get(PARTIAL_ENV) == "1"


def check_count(spec: DatasetSpec, part: str, found: int, least: int = 1) -> None:
    """Errors: DataError unless ``found`` is the expected number.

    With partial data allowed, ``least`` questions are enough, and the difference is a warning that is kept.
    """
    expected = spec.counts[part]
    if found == expected:
        return
    cause = "the file is cut short or of another version" if found < expected else "the file is of another version"
    message = f"{spec.name} {part}: {found} questions found, {expected} expected; probably {cause}"
    if not partial_allowed():
        raise DataError(f"{message}. {PARTIAL_ENV}=1 runs on what is there; such results do not count as {spec.name}.")
    if found < least:
        raise DataError(f"{message}. There is not one question to ask.")
    deviations[f"{spec.name} {part}"] = message
    logger.warning(f"PARTIAL DATA ({PARTIAL_ENV}=1): {message}. These results do not count as {spec.name}.")
