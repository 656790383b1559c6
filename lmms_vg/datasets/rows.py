"""Parse the JSON files of benchmarks: a list of objects, each with the fields that a reader needs."""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from lmms_vg._util.field_errors import said
from lmms_vg.datasets.source import DataError

Row = TypeVar("Row", bound=BaseModel)


def parse_rows(model: type[Row], data: bytes, place: Path | str, benchmark: str) -> list[Row]:
    """Parse and check the rows of a JSON file.

    Args:
        model: the fields of a row.
        data: content of the file, with or without a byte order mark.
        place: the file, for the error.
        benchmark: name of the benchmark, for the error.

    Raises:
        DataError: not JSON, not a list, or a row lacks a field; the message has the first error and its position.
    """
    try:
        return TypeAdapter(list[model]).validate_json(data.removeprefix(BOM_UTF8))  # type: ignore[valid-type]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        position = " ".join(map(str, first["loc"])) or "the top"
        raise DataError(
            f"{place}: {said(first)} at {position}; the file is broken or not {benchmark}'s; download it again"
        ) from error
