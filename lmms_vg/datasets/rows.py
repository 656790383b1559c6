"""Rows of the JSON files that benchmarks are published in: a list of objects, checked against what a reader needs."""

from codecs import BOM_UTF8
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from lmms_vg.datasets.source import DataError

Row = TypeVar("Row", bound=BaseModel)


def parse_rows(model: type[Row], data: bytes, place: Path | str, benchmark: str) -> list[Row]:
    """The rows of a JSON file's content, with or without a byte order mark.

    Errors: DataError naming ``place``, the file, and the first thing wrong in it: not JSON, not a list, or a row that
    is none of ``benchmark``'s.
    """
    try:
        return TypeAdapter(list[model]).validate_json(data.removeprefix(BOM_UTF8))  # type: ignore[valid-type]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = " ".join(map(str, first["loc"])) or "the top"
        raise DataError(
            f"{place}: {first['msg']} at {where}; the file is broken or not {benchmark}'s; get it again"
        ) from error
