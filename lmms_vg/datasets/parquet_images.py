"""Read rows and images of parquet files without loading a whole file; an image is a cell with fields bytes and path."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import DataError, locate_all, missing

#: Rows per batch when streaming: a few megabytes, even with images.
BATCH_ROWS = 64

#: Decoded row groups kept in memory: two, since threads may read on both sides of a border. The hub's hold 100 to 1,000 rows.
GROUPS_KEPT = 2


def row_count(path: Path) -> int:
    """Return the number of rows, read from the file's footer.

    Raises:
        DataError: the file is not a parquet file.
    """
    return _layout(path).starts[-1]


def read_rows(path: Path, *columns: str) -> Iterator[dict[str, Any]]:
    """Stream the rows with only these columns; no other column is read from disk.

    A name such as `image.bytes` selects one field of an image's cell, which is then `row["image"]["bytes"]`.

    Raises:
        DataError: the file is not a parquet file or is cut short, or there is no such column.
    """
    _require(path, columns)
    with _errors_name(path), pq.ParquetFile(path, pre_buffer=False) as file:  # True would read all row groups ahead
        for batch in file.iter_batches(BATCH_ROWS, columns=list(columns), use_threads=False):
            yield from batch.to_pylist()


def read_cell(path: Path, row: int, column: str = "image") -> bytes | None:
    """Bytes of one image; None where the cell is empty. Safe to call from several threads.

    The row group of the image is decoded once for neighbouring rows.

    Args:
        path: a parquet file.
        row: number of the row, from 0.
        column: the column of images.

    Raises:
        DataError: as in `read_rows`, or there is no such row.
    """
    starts = _layout(path).starts
    if not 0 <= row < starts[-1]:
        raise DataError(f"{path}: no row {row}; allowed is 0 to {starts[-1] - 1}")
    group = bisect_right(starts, row) - 1
    cell = _decoded_groups().get(path, group, column)[row - starts[group]]
    return cell["bytes"].as_py() if cell.is_valid else None


def image_of_row(spec: DatasetSpec, pattern: str, row: int, column: str = "image") -> bytes:
    """Bytes of the image in a row, counted from 0 over all files that match `pattern`.

    Raises:
        DataMissing: there is no file, no such row, or no image in it.
        DataError: as in `read_cell`.
    """
    first = 0
    for file in locate_all(spec, pattern):
        rows = row_count(file)
        if row < first + rows:
            data = read_cell(file, row - first, column)
            if data is None:
                raise missing(spec, pattern, f"Row {row - first} of {file} has no image in column {column}.")
            return data
        first += rows
    raise missing(spec, pattern, f"Row {row} is not in {pattern}; allowed is 0 to {first - 1}.")


class _Layout(NamedTuple):
    """`starts`: first row of each row group, then the number of rows. `columns`: leaf (`image.bytes`) -> type."""

    starts: tuple[int, ...]
    columns: dict[str, str]


@cache
def _layout(path: Path) -> _Layout:
    with _errors_name(path):
        footer = pq.read_metadata(path)
    sizes = (footer.row_group(group).num_rows for group in range(footer.num_row_groups))
    leaves = (footer.schema.column(number) for number in range(footer.num_columns))
    return _Layout(tuple(accumulate(sizes, initial=0)), {leaf.path: _type(leaf) for leaf in leaves})


def _type(leaf: Any) -> str:
    """Logical type of a leaf, else its physical type; `bytes` for a byte array without a logical type."""
    kind = leaf.logical_type.type
    return (
        "bytes"
        if (kind, leaf.physical_type) == ("NONE", "BYTE_ARRAY")
        else (kind if kind != "NONE" else leaf.physical_type)
    )


def _require(path: Path, columns: tuple[str, ...]) -> None:
    """Raise DataError for a column that is missing (pyarrow would leave it out) or holds neither text nor bytes."""
    leaves = _layout(path).columns
    for column in columns:
        below = [leaf for leaf in leaves if leaf == column or leaf.startswith(f"{column}.")]
        if not below:
            raise DataError(f"{path}: no column {column!r}; allowed is {', '.join(leaves)}")
        for leaf in below:
            expected = "bytes" if leaf.endswith(".bytes") else "STRING"
            if leaf not in (column, f"{column}.bytes", f"{column}.path") or leaves[leaf] not in (expected, "NULL"):
                raise DataError(
                    f"{path}: column {leaf!r} holds {leaves[leaf]}, but {expected} is expected; download the file again"
                )


class _DecodedGroups:
    """The row groups decoded last. One thread decodes while the others wait: they mostly need the same group."""

    def __init__(self) -> None:
        self._decode = lru_cache(GROUPS_KEPT)(_decode_group)
        self._lock = Lock()

    def get(self, path: Path, group: int, column: str) -> pa.ChunkedArray:
        with self._lock:
            return self._decode(path, group, column)


@cache
def _decoded_groups() -> _DecodedGroups:
    return _DecodedGroups()


# A forked child may inherit a held lock, so it starts with an empty cache.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_decoded_groups.cache_clear)


def _decode_group(path: Path, group: int, column: str) -> pa.ChunkedArray:
    # Each group opens the file again: a footer takes a millisecond, and no handle is shared by threads or forks.
    field = f"{column}.bytes"
    _require(path, (field,))
    # A dictionary holds an image of many rows once: an eighth of the memory, and faster.
    with _errors_name(path), pq.ParquetFile(path, read_dictionary=[field]) as file:
        return file.read_row_group(group, columns=[field], use_threads=False).column(column)


@contextmanager
def _errors_name(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: {reason}; the file is not a parquet file, or the download is incomplete") from error
