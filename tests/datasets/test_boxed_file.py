"""Questions with boxes from a user's own file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny

from lmms_vg.datasets.boxed_file import load, open_image
from lmms_vg.datasets.source import DataError

ROW = {"image": "imgs/a.png", "question": "Where is the liver?", "bbox": [[10, 20, 30, 40]]}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_rows_are_read_as_vgmed_writes_them(tmp_path: Path) -> None:
    other = {"image": "Slake/b.png", "question": "?", "original_bboxes": [[1, 2, 3, 4], [5, 6, 7, 8]]}
    first, second, third = load(write(tmp_path / "own.jsonl", ROW, other, {"image": "c.png"}))
    assert (first.uid, first.images, first.question) == ("own.jsonl/1", ["imgs/a.png"], "Where is the liver?")
    assert first.boxes == [[10, 20, 30, 40]]
    assert second.boxes == [[1, 2, 3, 4], [5, 6, 7, 8]], "always xyxy"
    assert (third.boxes, third.question) == ([], "")


@pytest.mark.parametrize("image", ["../a.png", "/etc/passwd"])
def test_images_outside_its_folder_are_refused(image: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"own\.jsonl, line 2: .*leads out"):
        load(write(tmp_path / "own.jsonl", ROW, ROW | {"image": image}))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="empty"):
        load(write(tmp_path / "own.jsonl"))


def test_images_are_opened_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "imgs").mkdir()
    tiny.picture(width=31, height=17).save(tmp_path / "imgs" / "a.png")
    image = open_image(tmp_path, "imgs/a.png")
    assert (image.size, image.mode) == ((31, 17), "RGB")
    (tmp_path / "imgs" / "b.png").write_text("no picture")
    for name in ("b.png", "c.png", "long" * 100):
        with pytest.raises(DataError, match=name[:100]):
            open_image(tmp_path / "imgs", name)
