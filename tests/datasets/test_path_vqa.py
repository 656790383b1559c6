"""PathVQA: counts on the real questions, one URI per picture, images from the hub's files."""

from __future__ import annotations

import io
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from lmms_vg.datasets import counts, parquet_images, path_vqa
from lmms_vg.datasets.images import open_image
from lmms_vg.datasets.source import DataError, DataMissing

Picture = Callable[..., bytes]
Row = tuple[bytes | None, str | None, str | None]

CELL = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture(autouse=True)
def nothing_read() -> Iterator[None]:
    path_vqa._rows.cache_clear()
    parquet_images._decoded_groups.cache_clear()
    yield
    path_vqa._rows.cache_clear()


def write(data: Path, *files: list[Row], group: int = 100) -> list[Path]:
    """Write files in the hub's layout: image {bytes, path}, question, answer."""
    folder = data / "path_vqa" / "data"
    folder.mkdir(parents=True)
    paths = []
    for number, rows in enumerate(files):
        columns = {
            "image": pa.array([None if row[0] is None else {"bytes": row[0], "path": None} for row in rows], CELL),
            "question": pa.array([row[1] for row in rows], pa.string()),
            "answer": pa.array([row[2] for row in rows], pa.string()),
        }
        paths.append(folder / f"test-{number:05}-of-{len(files):05}-0123456789abcdef.parquet")
        pq.write_table(pa.table(columns), paths[-1], row_group_size=group)
    (folder / "train-00000-of-00001.parquet").write_bytes(b"not to be read")
    return paths


def png(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2), (*divmod(number, 256), 7)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def real(shared_data: Path) -> list[dict[str, str]]:
    """Rows of the authors' files: image name, question, answer."""
    return json.loads((shared_data / "path_vqa" / "test_text_only.json").read_text())


def with_pictures(rows: list[dict[str, str]]) -> list[Row]:
    names = list(dict.fromkeys(row["image"] for row in rows))
    pictures = {name: png(number) for number, name in enumerate(names)}
    assert len(set(pictures.values())) == len(names) == 858
    return [(pictures[row["image"]], row["question"], row["answer"]) for row in rows]


def test_real_counts(data: Path, real: list[dict[str, str]]) -> None:
    rows = with_pictures(real)
    assert len(rows) == 6761
    write(data, rows[:3003], rows[3003:])  # the border is between rows of one image
    closed, opened = path_vqa.load("closed"), path_vqa.load("open")
    assert (len(closed), len(opened)) == (3362, 3357)
    assert Counter(sample.answer for sample in closed).keys() == {"yes", "no"}

    by_name = defaultdict(set)
    kept = {}
    for sample in closed + opened:
        number = int(sample.uid.removeprefix("path_vqa/test/"))
        assert (sample.question, sample.answer) == rows[number][1:]
        by_name[real[number]["image"]].update(sample.images)
        kept[number] = sample.images[0]
    assert len(kept) == 6719
    assert all(len(uris) == 1 for uris in by_name.values())
    assert len(set.union(*by_name.values())) == 858
    # The first of equal rows is kept: each dropped row has an equal row before it.
    for number in set(range(6761)) - kept.keys():
        assert rows.index(rows[number]) < number
    for number, uri in list(kept.items())[::97]:
        assert path_vqa.read_image(uri.removeprefix("path_vqa:")) == rows[number][0]


def test_rows_already_without_repeats_all_count(data: Path, real: list[dict[str, str]]) -> None:
    """The hub's copy compared image names; one picture under two names must be counted twice."""
    named = list({(row["image"], row["question"], row["answer"]): row for row in real}.values())
    rows = with_pictures(named)
    pictures = {row["image"]: picture for row, (picture, _, _) in zip(named, rows, strict=True)}
    twin = pictures["test_0619"]  # asked the same questions as test_0622
    rows = [
        (twin if row["image"] == "test_0622" else picture, question, answer)
        for row, (picture, question, answer) in zip(named, rows, strict=True)
    ]
    assert len(set(rows)) < len(rows) == 6719
    write(data, rows)
    closed, opened = path_vqa.load("closed"), path_vqa.load("open")
    assert (len(closed), len(opened)) == (3362, 3357)
    assert len({sample.images[0] for sample in closed + opened}) == 857


def test_samples_of_both_parts(data: Path, small: None) -> None:
    a, b = png(1), png(2)
    write(
        data,
        [(a, "Is it?", "yes"), (a, "What?", "fat"), (a, "Is it?", "yes"), (b, "Is it?", " No ")],
        [(b, "Who?", "N/A"), (a, "Is it?", "no"), (a, "Where?", "nan"), (b, "Which?", "None"), (a, "Not?", "yes, no")],
        group=2,
    )
    closed, opened = path_vqa.load("closed"), path_vqa.load("open")
    shown = [(sample.uid, *sample.images, sample.question, sample.answer) for sample in closed]
    assert shown == [
        ("path_vqa/test/0", "path_vqa:test/0", "Is it?", "yes"),
        ("path_vqa/test/3", "path_vqa:test/3", "Is it?", " No "),
        ("path_vqa/test/5", "path_vqa:test/0", "Is it?", "no"),
    ]
    assert [(sample.uid[14:], *sample.images, sample.answer) for sample in opened] == [
        ("1", "path_vqa:test/0", "fat"),
        ("4", "path_vqa:test/3", "N/A"),
        ("6", "path_vqa:test/0", "nan"),
        ("7", "path_vqa:test/3", "None"),
        ("8", "path_vqa:test/0", "yes, no"),
    ]
    assert {(sample.answer_type, sample.subset, sample.split) for sample in closed} == {("CLOSED", "closed", "test")}
    assert {(sample.answer_type, sample.subset, sample.split) for sample in opened} == {("OPEN", "open", "test")}
    assert "copyright" in closed[0].licence
    assert closed[0].source == "https://huggingface.co/datasets/flaviagiammarino/path-vqa"


def test_images_are_hashed_once_for_both_parts(data: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def counting(path: Path, *columns: str) -> Iterator[dict[str, Any]]:
        read.append(path)
        return parquet_images.read_rows(path, *columns)

    monkeypatch.setattr(path_vqa, "read_rows", counting)
    paths = write(data, [(png(1), "Is it?", "yes")], [(png(1), "What?", "fat")])
    for part in ("closed", "open", "closed"):
        assert len(path_vqa.load(part)) == 1
    assert read == paths


def test_broken_rows_are_kept(data: Path, small: None) -> None:
    write(data, [(None, "Is it?", "yes"), (png(1), None, "no"), (png(1), "What?", None)])
    no_image, no_question = path_vqa.load("closed")
    (no_answer,) = path_vqa.load("open")
    assert (no_question.question, no_answer.answer) == ("", "")
    with pytest.raises(DataMissing, match=r"Row 0 of .* has no image"):
        open_image(no_image.images[0])


def test_image_of_every_row(data: Path) -> None:
    rows: list[Row] = [(png(number), "?", "yes") for number in range(7)]
    write(data, rows[:3], rows[3:4], rows[4:], group=2)
    assert [path_vqa.read_image(f"test/{row}") for row in range(7)] == [row[0] for row in rows]
    assert open_image("path_vqa:test/5").getpixel((0, 0)) == (0, 5, 7)
    with pytest.raises(DataMissing, match=r"Row 7 is not in .*; allowed is 0 to 6"):
        path_vqa.read_image("test/7")


def test_cmyk_is_shown_in_its_colours(data: Path) -> None:
    """Some JPEGs are CMYK."""
    buffer = io.BytesIO()
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(buffer, "JPEG", quality=95)
    assert Image.open(io.BytesIO(buffer.getvalue())).mode == "CMYK"
    write(data, [(buffer.getvalue(), "Is it red?", "yes")])
    image = open_image("path_vqa:test/0")
    red, green, blue = image.getpixel((8, 8))
    assert image.mode == "RGB"
    assert red > 240
    assert max(green, blue) < 15


@pytest.mark.parametrize("path", ["0", "train/0", "test/", "test/-1", "test/1.5", "test/0/0", "test/x"])
def test_paths_that_are_no_row(data: Path, path: str) -> None:
    write(data, [(png(1), "?", "yes")])
    with pytest.raises(DataError, match="test/<row>"):
        path_vqa.read_image(path)


def test_wrong_count_stops_and_says_both_numbers(data: Path) -> None:
    write(data, [(png(1), "Is it?", "yes")])
    with pytest.raises(DataError, match=r"closed: 1 .*3362.*LMMS_VG_PARTIAL_DATA=1"):
        path_vqa.load("closed")
    with pytest.raises(DataError, match=r"open: 0 .*3357"):
        path_vqa.load("open")


def test_relaxed_counts_are_kept_for_the_results(data: Path, small: None) -> None:
    write(data, [(png(1), "Is it?", "yes")])
    assert len(path_vqa.load("closed")) == 1
    assert "1 questions found, 3362 expected" in counts.deviations["path_vqa closed"]
    with pytest.raises(DataError, match=r"path_vqa open: 0 .*3357.*no question"):
        path_vqa.load("open")


def test_missing_files_are_named_before_the_model_is_loaded(data: Path) -> None:
    (data / "path_vqa").mkdir()
    for use in (lambda: path_vqa.load("closed"), lambda: path_vqa.read_image("test/0")):
        with pytest.raises(
            DataMissing, match=r'hf download flaviagiammarino/path-vqa --include "data/test-\*\.parquet"'
        ):
            use()


def test_truncated_file_is_named(data: Path) -> None:
    first, second = write(data, [(png(1), "?", "yes")], [(png(2), "?", "yes")])
    second.write_bytes(second.read_bytes()[:-20])
    with pytest.raises(DataError, match=second.name):
        path_vqa.load("closed")
    assert path_vqa.read_image("test/0") == png(1)
    first.write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(DataError, match=first.name):
        path_vqa.load("open")
