"""Rows and images of the hub's parquet files, where every image is a cell {bytes, path}: never a whole file in memory."""

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

BATCH_ROWS = 64
"""Rows decoded at a time when streaming: a few megabytes even with images."""

GROUPS_KEPT = 2
"""Row groups kept decoded: threads may stand on both sides of a border. The hub's hold 100 to 1,000 rows."""


def row_count(path: Path) -> int:
    """Number of rows, from the file's footer. Errors: DataError for what is no parquet file."""
    return _layout(path).starts[-1]


def read_rows(path: Path, *columns: str) -> Iterator[dict[str, Any]]:
    """The rows with only these columns, streamed; no other column is read from disk.

    ``image.bytes`` names one field of an image's cell, which a row then holds as ``row["image"]["bytes"]``.
    Errors: DataError for what is no parquet file or is cut short, and for a column that is not there.
    """
    _require(path, columns)
    with _errors_name(path), pq.ParquetFile(path, pre_buffer=False) as file:  # it would read all row groups ahead
        for batch in file.iter_batches(BATCH_ROWS, columns=list(columns), use_threads=False):
            yield from batch.to_pylist()


def read_cell(path: Path, row: int, column: str = "image") -> bytes | None:
    """The bytes of one image, or None where the cell is empty. Safe to call from several threads.

    Decodes the row group it lies in, once for neighbouring rows. Errors: DataError as for ``read_rows``, and for a row
    outside of 0..``row_count`` - 1.
    """
    starts = _layout(path).starts
    if not 0 <= row < starts[-1]:
        raise DataError(f"{path}: no row {row}, only 0 to {starts[-1] - 1}")
    group = bisect_right(starts, row) - 1
    cell = _decoded_groups().get(path, group, column)[row - starts[group]]
    return cell["bytes"].as_py() if cell.is_valid else None


def image_of_row(spec: DatasetSpec, pattern: str, row: int, column: str = "image") -> bytes:
    """The image of a row, counted from 0 over all files that match ``pattern``, as ``read_cell`` reads it.

    Errors: DataMissing also where there is no such row, or no image in it.
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
    raise missing(spec, pattern, f"There is no row {row}.")


class _Layout(NamedTuple):
    """First row of every row group, then the number of rows; the leaves of all columns (``image.bytes``) with their types."""

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
    """``bytes`` for what has no more exact type."""
    kind = leaf.logical_type.type
    return (
        "bytes"
        if (kind, leaf.physical_type) == ("NONE", "BYTE_ARRAY")
        else (kind if kind != "NONE" else leaf.physical_type)
    )


def _require(path: Path, columns: tuple[str, ...]) -> None:
    """Pyarrow itself leaves out the columns that are not there, and readers take texts and bytes only."""
    leaves = _layout(path).columns
    for column in columns:
        below = [leaf for leaf in leaves if leaf == column or leaf.startswith(f"{column}.")]
        if not below:
            raise DataError(f"{path}: no column {column!r}, only {', '.join(leaves)}")
        for leaf in below:
            expected = "bytes" if leaf.endswith(".bytes") else "STRING"
            if leaf not in (column, f"{column}.bytes", f"{column}.path") or leaves[leaf] not in (expected, "NULL"):
                raise DataError(
                    f"{path}: column {leaf!r} holds {leaves[leaf]}, {expected} is expected; get the file again"
                )


class _DecodedGroups:
    """The row groups read last. One thread decodes while the others wait: they mostly want the same group."""

    def __init__(self) -> None:
        self._decode = lru_cache(GROUPS_KEPT)(_decode_group)
        self._lock = Lock()

    def get(self, path: Path, group: int, column: str) -> pa.ChunkedArray:
        with self._lock:
            return self._decode(path, group, column)


@cache
def _decoded_groups() -> _DecodedGroups:
    return _DecodedGroups()


# A forked child may inherit a lock that nobody will release: it starts with an empty cache of its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_decoded_groups.cache_clear)


def _decode_group(path: Path, group: int, column: str) -> pa.ChunkedArray:
    # Opened anew for every group: a footer takes a millisecond, and no handle is shared by threads or forks.
    field = f"{column}.bytes"
    _require(path, (field,))
    # As a dictionary, an image that many rows repeat is held once: an eighth of the memory, and faster.
    with _errors_name(path), pq.ParquetFile(path, read_dictionary=[field]) as file:
        return file.read_row_group(group, columns=[field], use_threads=False).column(column)


@contextmanager
def _errors_name(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: {reason}; the file is no parquet file, or the download is incomplete") from error
