"""Maps beside a journal: what was written is read, and what is torn, damaged, missing or of another layout stops nothing."""

from __future__ import annotations

import errno
import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from journals import Opened, find, record
from maps import question_map

from lmms_vg.journal import Journal, JournalError, LayerMaps, further_key, sidecar
from lmms_vg.journal.lines import decode
from lmms_vg.journal.map_file import MapIndex
from lmms_vg.journal.map_lines import MAPS, block_of, patches_of


def write(folder: Path, *keys: str, **more: Any) -> Path:
    with Journal(folder) as made:
        for key in keys:
            made.write([record(key)], [question_map(key, **more)])
    return folder / "rank0.maps"


def keys_of(path: Path) -> set[str]:
    return {key for is_question, key in MapIndex([path]).places if is_question}


def test_the_bytes_are_as_documented(tmp_path: Path) -> None:
    """Read without any of our code but the line's checksum."""
    kept = question_map("k")
    data = write(tmp_path, "k").read_bytes()
    names = []
    while data:
        line, _, data = data.partition(b"\n")
        entry = decode(line + b"\n")
        names.append(entry["key"])
        assert entry["layout"] == 1
        block, data = data[: entry["bytes"]], data[entry["bytes"] :]
        maps = kept.maps if "question" in entry else kept.reference.maps
        assert struct.unpack("<3f3f", block[:24]) == (*maps.largest.tolist(), *maps.share.tolist())
        assert struct.unpack("<60e", block[24:]) == tuple(maps.cells.ravel().tolist())
        assert len(block) == 24 + 120
    assert names == ["r-i", "k"]


def test_maps_come_back_with_what_is_known_of_the_question(tmp_path: Path) -> None:
    visible = np.ones((4, 5), bool)
    visible[0] = False
    index = MapIndex([write(tmp_path, "k", visible=visible)])
    place = index.question("k")
    assert place is not None
    assert place.line.question is not None
    question, line, kept = place.line.question, place.line, question_map("k")
    assert (question.image, question.rows, question.view, line.layers, line.grid) == ("i", "last", 0, 3, (4, 5))
    np.testing.assert_array_equal(patches_of(question.mask, line.grid), kept.mask)
    np.testing.assert_array_equal(patches_of(question.visible, line.grid), visible)
    for maps, expected in zip(
        index.maps([place, index.reference(place)]), (kept.maps, kept.reference.maps), strict=True
    ):
        assert maps is not None
        for values, written in zip(maps, expected, strict=True):
            np.testing.assert_array_equal(values, written)


def test_a_reference_is_kept_once_per_image_also_by_a_later_process(tmp_path: Path) -> None:
    write(tmp_path, "a", "b", image="x")
    path = write(tmp_path, "c", image="x")
    write(tmp_path, "d", image="y")
    assert path.read_bytes().count(b'"r-x","bytes"') == 1
    assert path.read_bytes().count(b'"r-y","bytes"') == 1
    assert keys_of(path) == set("abcd")


@pytest.mark.parametrize("cut", [1, 119, 120, 150, 300])
def test_a_torn_end_is_ignored_and_cut_off_before_writing(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path, "a", "b")
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert keys_of(path) == {"a"}
    write(tmp_path, "b")
    assert path.read_bytes() == whole


def test_selections_of_one_question_lie_side_by_side(tmp_path: Path) -> None:
    """The first under the record's own key; torn behind any block, the whole ones stay, and each is found by its name."""
    parts = [("k", "last"), (further_key("k", "question"), "question"), (further_key("k", "all"), "all")]
    kept = [question_map(key, image=key, rows=rows) for key, rows in parts]
    path = tmp_path / "rank0.maps"
    with Journal(tmp_path) as made:
        made.write([record("k")], kept)
    whole = path.read_bytes()
    ends = [place.end for place in MAPS.intact(path)]
    for end in (*ends, *(end + 5 for end in ends[:-1])):
        path.write_bytes(whole[:end])
        index = MapIndex([path])
        there = sum(one <= end for one in ends) - 3  # the references come first
        for number, (_, rows) in enumerate(parts):
            place = index.question("k", rows)
            assert (place is not None) == (number < there)
            if place is not None:
                assert place.line.question is not None
                assert place.line.question.rows == rows
                (maps,) = index.maps([place])
                assert maps is not None
                np.testing.assert_array_equal(maps.cells, kept[number].maps.cells)
        first = index.question("k")
        assert (None if first is None else first.line.key) == ("k" if there > 0 else None)
        assert index.further == ({} if there < 2 else {"k": [("question", 0), ("all", 0)][: there - 1]})
    with Journal(tmp_path) as made:
        made.write([record("k")], kept)
    assert MapIndex([path]).question("k", "all") is not None
    assert MapIndex([path]).question("k", "first") is None


def test_a_file_torn_in_its_first_bytes_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "rank0.maps"
    path.write_bytes(b'{"sha')
    assert keys_of(path) == set()
    write(tmp_path, "a")
    assert keys_of(path) == {"a"}


def test_a_flipped_byte_costs_one_map_and_is_said(tmp_path: Path, warnings: list[str]) -> None:
    path = write(tmp_path, "a", "b", "c")
    data = path.read_bytes()
    start, end = (data.index(b'{"sha256": ', data.index(f'"key":"{key}"'.encode()) - 80) for key in "bc")
    for flipped in range(start, end, 5):
        broken = bytearray(data)
        broken[flipped] ^= 0x40
        path.write_bytes(broken)
        warnings.clear()
        index = MapIndex([path])
        places = [place for key in "abc" if (place := index.question(key)) is not None]
        read = [place.line.key for place, maps in zip(places, index.maps(places), strict=True) if maps is not None]
        assert read == ["a", "c"]
        assert len(warnings) >= 1


def of_layout_2() -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lmms_vg.journal.map_lines.MAPS", replace(MAPS, layout=2))
        return block_of(question_map("k"))


@pytest.mark.parametrize("content", [b"PAR1 something else", of_layout_2()])
def test_another_layout_is_said_and_kept_and_answers_are_written(
    tmp_path: Path, warnings: list[str], content: bytes
) -> None:
    path = tmp_path / "rank0.maps"
    path.write_bytes(content)
    write(tmp_path, "a", "b")
    assert path.read_bytes() == content
    assert [text for text in warnings if "No maps are kept" in text] == warnings
    assert len(warnings) == 1, "once a run"
    with Journal(tmp_path) as made:
        assert made.keys() == {"a", "b"}
    assert MapIndex([path]).places == {}
    assert "Its maps are not read" in warnings[-1]


def test_lines_are_read_without_the_whole_file_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a journal of 28,000 questions, 1.4 GB stayed in memory for the lines between the maps."""
    write(tmp_path, *(f"k{number}" for number in range(6)))
    before = [place.end for place in MapIndex.of(tmp_path).places.values()]
    released: list[int] = []
    monkeypatch.setattr(sidecar, "_MOST_HELD", 1)
    monkeypatch.setattr(sidecar, "_release", lambda data: released.append(len(data)))
    assert [place.end for place in MapIndex.of(tmp_path).places.values()] == before
    assert len(released) == len(before)


def test_a_missing_file_is_no_problem(tmp_path: Path, warnings: list[str]) -> None:
    path = write(tmp_path, "a")
    path.unlink()
    assert MapIndex(sorted(tmp_path.glob("rank*.maps"))).question("a") is None
    write(tmp_path, "b")
    assert keys_of(path) == {"b"}
    assert not warnings


def test_without_maps_there_is_no_file(tmp_path: Path) -> None:
    with Journal(tmp_path) as made:
        made.write([record("a")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rank0.jsonl"]


def test_maps_are_on_disk_before_their_line(tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed in between leaves a map without an answer, and its question is asked again."""
    made = opened(tmp_path)
    made.write([record("a")], [question_map("a")])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lmms_vg.journal.store.append", killed)
    with pytest.raises(KeyboardInterrupt):
        made.write([record("b")], [question_map("b")])
    made.close()
    monkeypatch.undo()
    assert keys_of(tmp_path / "rank0.maps") == {"a", "b"}
    again = opened(tmp_path)
    assert find(again, "b") is None
    again.write([record("b")], [question_map("b")])
    assert keys_of(tmp_path / "rank0.maps") == {"a", "b"}


def test_a_full_disk_leaves_neither_half_a_map_nor_its_answer(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = opened(tmp_path)
    made.write([record("a")], [question_map("a")])
    before = {path.name: path.read_bytes() for path in tmp_path.glob("rank*")}
    real = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) < 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, bytes(data)[: len(data) - 50])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(JournalError, match="No space left"):
        made.write([record("b")], [question_map("b")])
    assert {path.name: path.read_bytes() for path in tmp_path.glob("rank*")} == before


def test_half_precision_keeps_what_is_above_zero_above_zero() -> None:
    maps = np.array([[1e-12, 0.0, 0.25, 0.1], [0, 0, 0, 0]])
    kept = LayerMaps.of(maps, np.zeros(2))
    restored = kept.restored()
    assert kept.cells.dtype == np.float16
    assert kept.largest.dtype == np.float32
    assert ((restored > 0) == (maps > 0)).all()
    np.testing.assert_allclose(restored[0, 2:], maps[0, 2:], rtol=1 / 2000)
