"""Parquet files: the bytes that are read, how often, memory, and files of another kind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lmms_vg.datasets import parquet_images
from lmms_vg.datasets.parquet_images import GROUPS_KEPT, image_of_row, read_cell, read_rows, row_count
from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import DataError, DataMissing

CELL = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture(autouse=True)
def nothing_decoded() -> Iterator[None]:
    parquet_images._decoded_groups.cache_clear()
    yield
    parquet_images._decoded_groups.cache_clear()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record the row groups that are decoded, in order."""
    groups: list[int] = []

    class Counting(pq.ParquetFile):
        def read_row_group(self, i: int, *args: object, **kwargs: object) -> pa.Table:
            time.sleep(0.02)  # long enough for other threads to need the same group
            groups.append(i)
            return super().read_row_group(i, *args, **kwargs)

    monkeypatch.setattr(parquet_images.pq, "ParquetFile", Counting)
    return groups


def write(path: Path, images: list[bytes | None], group: int = 3) -> Path:
    cells = [None if image is None else {"bytes": image, "path": f"{row}.jpg"} for row, image in enumerate(images)]
    table = pa.table({"image": pa.array(cells, CELL), "question": [f"q{row}" for row in range(len(images))]})
    pq.write_table(table, path, row_group_size=group)
    return path


def damage(path: Path, group: int, leaf: str = "image.bytes") -> None:
    """Overwrite a column of one row group."""
    columns = pq.read_metadata(path).row_group(group)
    column = next(column for column in map(columns.column, range(3)) if column.path_in_schema == leaf)
    start = column.dictionary_page_offset or column.data_page_offset
    content = bytearray(path.read_bytes())
    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(content)


def noise(rows: int) -> list[bytes]:
    return [os.urandom(50 + row) for row in range(rows)]


def test_every_cell_of_every_row_group(tmp_path: Path) -> None:
    images = noise(10)
    path = write(tmp_path / "a.parquet", list(images))
    assert pq.read_metadata(path).num_row_groups == 4
    assert row_count(path) == 10
    assert [read_cell(path, row) for row in range(10)] == images
    assert [read_cell(path, row) for row in reversed(range(10))] == images[::-1]


def test_rows_hold_the_columns_asked_for(tmp_path: Path) -> None:
    images = noise(4)
    path = write(tmp_path / "a.parquet", list(images))
    assert list(read_rows(path, "question")) == [{"question": f"q{row}"} for row in range(4)]
    both = list(read_rows(path, "image.bytes", "question"))
    assert both == [{"image": {"bytes": image}, "question": f"q{row}"} for row, image in enumerate(images)]
    assert [row["image"]["path"] for row in read_rows(path, "image")] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]


def test_another_image_column(tmp_path: Path) -> None:
    cells = pa.array([{"bytes": b"2", "path": None}, None], CELL)
    pq.write_table(pa.table({"image_1": cells.take([1, 0]), "image_2": cells}), tmp_path / "a.parquet")
    assert [read_cell(tmp_path / "a.parquet", 0, f"image_{number}") for number in (1, 2)] == [None, b"2"]
    assert [read_cell(tmp_path / "a.parquet", 1, f"image_{number}") for number in (1, 2)] == [b"2", None]


def test_an_empty_cell_is_none_and_not_its_neighbour(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [b"a", None, b"", b"c"])
    assert [read_cell(path, row) for row in range(4)] == [b"a", None, b"", b"c"]
    cells = pa.array([{"bytes": None, "path": "elsewhere.jpg"}], CELL)
    pq.write_table(pa.table({"image": cells}), tmp_path / "b.parquet")
    assert read_cell(tmp_path / "b.parquet", 0) is None


def test_only_the_row_group_of_a_cell_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", list(noise(9)))
    whole = [read_cell(path, row) for row in range(9)]
    damage(path, group=1)
    parquet_images._decoded_groups.cache_clear()
    assert [read_cell(path, row) for row in (0, 1, 2, 6, 7, 8)] == whole[:3] + whole[6:]
    with pytest.raises(DataError, match=r"a\.parquet.*incomplete"):
        read_cell(path, 3)


def test_an_image_is_read_without_other_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [b"a", b"b"])
    for leaf in ("image.path", "question"):
        damage(path, 0, leaf)
    assert [read_cell(path, row) for row in (0, 1)] == [b"a", b"b"]


def test_text_is_read_without_images(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", list(noise(9)))
    damage(path, group=1)
    assert len(list(read_rows(path, "question"))) == 9
    with pytest.raises(DataError, match=r"a\.parquet"):
        list(read_rows(path, "image.bytes"))


def test_neighbours_decode_their_row_group_once(tmp_path: Path, decoded: list[int]) -> None:
    path = write(tmp_path / "a.parquet", list(noise(9)))
    for row in (0, 0, 2, 1, 3, 4, 2, 5):  # back and forth over a border
        read_cell(path, row)
    assert decoded == [0, 1]


def test_few_row_groups_are_kept(tmp_path: Path, decoded: list[int]) -> None:
    path = write(tmp_path / "a.parquet", list(noise(3 * GROUPS_KEPT + 3)))
    for row in [*range(0, 3 * GROUPS_KEPT + 3, 3), 0]:
        read_cell(path, row)
    assert decoded == [*range(GROUPS_KEPT + 1), 0]


def test_an_image_many_rows_repeat_is_held_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [os.urandom(100_000)] * 100, group=100)
    before = pa.total_allocated_bytes()
    read_cell(path, 50)
    assert 100_000 <= pa.total_allocated_bytes() - before < 1_000_000


@pytest.mark.slow
def test_streaming_holds_a_batch_and_not_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [os.urandom(20_000) for _ in range(640)], group=20)
    before, most = pa.total_allocated_bytes(), 0
    for _ in read_rows(path, "image.bytes"):
        most = max(most, pa.total_allocated_bytes() - before)
    assert 0 < most < 640 * 20_000 / 2


def test_threads_wait_for_one_decoding(tmp_path: Path, decoded: list[int]) -> None:
    images = noise(8)
    path = write(tmp_path / "a.parquet", list(images), group=8)
    together = Barrier(8)

    def read(row: int) -> bytes | None:
        together.wait()
        return read_cell(path, row)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == images
    assert decoded == [0]


@pytest.mark.slow
def test_threads_far_apart_get_their_own_images(tmp_path: Path) -> None:
    images = noise(60)
    path = write(tmp_path / "a.parquet", list(images))
    rows = [(row * 37) % 60 for row in range(600)]
    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(lambda row: read_cell(path, row), rows))
    assert contents == [images[row] for row in rows]


def test_forked_child_decodes_on_its_own(tmp_path: Path, forked: Callable[..., int | None]) -> None:
    path = write(tmp_path / "a.parquet", list(noise(9)))
    read_cell(path, 0)
    with parquet_images._decoded_groups()._lock:  # as if another thread of the parent were decoding
        assert forked(read_cell, path, 3) == 0


def test_rows_are_counted_over_files(data: Path) -> None:
    spec = DatasetSpec(name="toy", hub_id="someone/Toy", licence="CC0", files={})
    images = [*noise(6), b"", None]
    (data / "toy").mkdir()
    for name, part in {"a-0": images[:3], "a-1": [], "a-2": images[3:], "b-0": noise(9)}.items():
        write(data / "toy" / f"{name}.parquet", part)
    assert [image_of_row(spec, "a-*.parquet", row) for row in range(7)] == images[:7]
    with pytest.raises(DataMissing, match=r"Row 4 .*a-2\.parquet .*no image"):
        image_of_row(spec, "a-*.parquet", 7)
    with pytest.raises(DataError, match=r"no column 'question\.bytes'"):
        image_of_row(spec, "a-*.parquet", 0, "question")
    with pytest.raises(DataMissing, match=r"Row 8 is not in a-\*\.parquet; allowed is 0 to 7\."):
        image_of_row(spec, "a-*.parquet", 8)


@pytest.mark.parametrize("row", [-1, 4, 10**9])
def test_rows_that_are_not_there(tmp_path: Path, row: int) -> None:
    path = write(tmp_path / "a.parquet", list(noise(4)))
    with pytest.raises(DataError, match=rf"a\.parquet: no row {row}.*0 to 3"):
        read_cell(path, row)


@pytest.mark.parametrize("column", ["answer", "image.pixels", "imag"])
def test_columns_that_are_not_there(tmp_path: Path, column: str) -> None:
    path = write(tmp_path / "a.parquet", list(noise(2)))
    with pytest.raises(DataError, match=rf"a\.parquet: no column '{column}'.*image\.bytes, image\.path, question"):
        list(read_rows(path, "question", column))


@pytest.mark.parametrize("column", ["answer", "question"])
def test_columns_that_hold_no_image(tmp_path: Path, column: str) -> None:
    path = write(tmp_path / "a.parquet", list(noise(2)))
    with pytest.raises(DataError, match=rf"a\.parquet: no column '{column}\.bytes'"):
        read_cell(path, 0, column)


@pytest.mark.parametrize("kept", [0, 3, 200, -1])
def test_a_truncated_file_is_named(tmp_path: Path, kept: int) -> None:
    path = write(tmp_path / "a.parquet", list(noise(9)))
    path.write_bytes(path.read_bytes()[:kept])
    for use in (lambda: row_count(path), lambda: read_cell(path, 0), lambda: list(read_rows(path, "question"))):
        with pytest.raises(DataError, match=r"a\.parquet: .*incomplete"):
            use()


def test_a_pointer_file_is_no_parquet_file(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")
    with pytest.raises(DataError, match=r"a\.parquet: .*not a parquet file"):
        row_count(tmp_path / "a.parquet")


def test_errors_of_the_reader_of_rows_stay_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", list(noise(2)))

    def use() -> None:
        for _ in read_rows(path, "question"):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        use()


@pytest.mark.parametrize(
    ("column", "values", "held"),
    [
        ("question", [5], "INT64"),
        ("question", [1.5], "DOUBLE"),
        ("question", [b"x"], "bytes"),
        ("question", [["a"]], "STRING"),  # below question.list
        ("question", [{"a": "b"}], "STRING"),
        ("image", [{"bytes": 5, "path": "a"}], "INT64"),
        ("image", ["a.jpg"], "no column 'image.bytes'"),
    ],
)
def test_columns_of_another_type_are_named(tmp_path: Path, column: str, values: list[Any], held: str) -> None:
    """A reader would fail on the first row with another error."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"question": ["q"], "image": pa.array([None], CELL)} | {column: values}), path)
    with pytest.raises(DataError, match=rf"a\.parquet: .*{held}"):
        list(read_rows(path, "question", "image.bytes"))


def test_text_that_is_no_utf_8_is_named(tmp_path: Path) -> None:
    ends = pa.py_buffer((0).to_bytes(4, "little") + (2).to_bytes(4, "little"))
    broken = pa.StringArray.from_buffers(1, ends, pa.py_buffer(b"\xff\xfe"))
    pq.write_table(pa.table({"question": broken}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet: .*utf-8"):
        list(read_rows(tmp_path / "a.parquet", "question"))
