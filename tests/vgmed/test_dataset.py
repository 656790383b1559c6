"""The folder of a built data set: what is written is read, and what is broken is named by file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import vgmed_items
from pydantic import ValidationError

from lmms_vg.datasets.source import DataError
from lmms_vg.vgmed import dataset


def changed(path: Path, line: int, **changes: Any) -> None:
    """Change fields of a line, counted from 1."""
    lines = path.read_text().splitlines()
    lines[line - 1] = json.dumps(json.loads(lines[line - 1]) | changes)
    path.write_text("\n".join(lines) + "\n")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    made = vgmed_items.write(tmp_path)
    assert made.problems == []
    assert list(made.items.values()) == [vgmed_items.item(number, tmp_path) for number in range(6)]
    assert [question.item for question in made.questions] == [f"item-{n}" for n in range(6) for _ in range(2)]
    assert made.card.counts == {"items": 6, "images": 6, "patients": 3, "localization": 6, "attribute": 6}
    assert all(made.image_path(item).is_file() for item in made.items.values())


def test_the_same_bytes_again(tmp_path: Path) -> None:
    vgmed_items.write(tmp_path / "a")
    vgmed_items.write(tmp_path / "b")
    for name in (dataset.CARD, dataset.ITEMS, dataset.QUESTIONS):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_hash_follows_the_content(tmp_path: Path) -> None:
    before = vgmed_items.write(tmp_path).card.hash
    changed(tmp_path / dataset.QUESTIONS, 3, text="Is there a lung in the image?")
    assert dataset.content_hash(tmp_path) != before
    assert ["not that of items.jsonl" in problem for problem in dataset.read(tmp_path).problems] == [True]


def test_content_does_not_move_between_files(tmp_path: Path) -> None:
    (tmp_path / dataset.ITEMS).write_bytes(b"ab")
    (tmp_path / dataset.QUESTIONS).write_bytes(b"c")
    before = dataset.content_hash(tmp_path)
    (tmp_path / dataset.ITEMS).write_bytes(b"a")
    (tmp_path / dataset.QUESTIONS).write_bytes(b"bc")
    assert dataset.content_hash(tmp_path) != before


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"boxes": [[4, 5, 41, 9]]}, r"\[4, 5, 41, 9\] does not lie in the image of 40 x 30"),
        ({"boxes": [[4, 5, 4, 9]]}, "x1 < x2"),
        ({"boxes": [[4, 5, 9.5, 9]]}, "boxes.0.2"),
        ({"boxes": []}, "boxes"),
        ({"mask": {"size": [40, 30], "counts": "0"}}, "the mask has height and width"),
        ({"image": "../outside.png"}, "leads out of"),
        ({"image_hash": "abc"}, "image_hash"),
        ({"id": "item-0"}, "that of line 1 already"),
        ({"id": "a/b"}, "id"),
        ({"wrong": 1}, "wrong"),
    ],
)
def test_a_broken_item_is_named_and_the_others_stay(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    vgmed_items.write(tmp_path)
    changed(tmp_path / dataset.ITEMS, 2, **changes)
    made = dataset.read(tmp_path)
    assert list(made.items) == ["item-0", "item-2", "item-3", "item-4", "item-5"]
    assert len(made.questions) == 10
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(made.problems[0])
    assert f"{tmp_path / dataset.ITEMS}, line 2" in made.problems[0]
    assert "questions.jsonl, line 3: item 'item-1'" in made.problems[1]


def test_a_cut_line(tmp_path: Path) -> None:
    vgmed_items.write(tmp_path)
    path = tmp_path / dataset.QUESTIONS
    path.write_bytes(path.read_bytes()[:-20])
    made = dataset.read(tmp_path)
    assert len(made.questions) == 11
    assert "line 12: not JSON" in made.problems[0]


def test_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished data set"):
        dataset.read(tmp_path)


def test_another_version(tmp_path: Path) -> None:
    vgmed_items.write(tmp_path)
    card = json.loads((tmp_path / dataset.CARD).read_text())
    (tmp_path / dataset.CARD).write_text(json.dumps(card | {"schema_version": 2}))
    with pytest.raises(DataError, match=r"dataset.json: schema_version: Input should be 1; it is '2'"):
        dataset.read(tmp_path)


def test_the_share_counts_overlap_once(tmp_path: Path) -> None:
    both = vgmed_items.item(0, tmp_path, boxes=[(0, 0, 20, 30), (10, 0, 30, 30)])
    assert both.share == 0.75


def test_an_item_is_checked_in_memory_too(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="does not lie in the image"):
        vgmed_items.item(0, tmp_path, boxes=[(0, 0, 50, 30)])
