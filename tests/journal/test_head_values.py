"""Values of heads beside a journal: what was written is read, and what is torn, damaged, missing or foreign stops nothing."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from head_values import question_heads
from journals import Opened, find, record

from lmms_vg.journal import HeadValues, Journal, QuestionHeads, read_heads, read_records
from lmms_vg.journal.head_values import blocks_of
from lmms_vg.journal.lines import decode

SHAPE = {"head_shape": [3, 4]}


def write(folder: Path, *keys: str, **more: Any) -> Path:
    with Journal(folder) as made:
        for key in keys:
            made.write([record(key, alignment={"kl": [1.0], **SHAPE})], heads=[question_heads(key, **more)])
    return folder / "rank0.heads"


def read(folder: Path) -> dict[str, HeadValues]:
    records = read_records(sorted(folder.glob("rank*.jsonl")))
    return {answered.key: values for answered, values in read_heads(folder, records)}


def test_the_bytes_are_as_documented(tmp_path: Path) -> None:
    """Read without any of our code but the line's checksum."""
    line, _, data = write(tmp_path, "k").read_bytes().partition(b"\n")
    entry = decode(line + b"\n")
    assert (entry["key"], entry["layout"], entry["bytes"], len(data)) == ("k", 1, 120, 120)
    assert (entry["layers"], entry["heads"]) == (3, 4)
    expected = question_heads("k").values
    codes = iter(struct.unpack("<60H", data))
    for (name, (low, high)), values in zip(entry["values"].items(), expected, strict=True):
        assert (low, high) == (values.min(), values.max())
        by_hand = [low + (high - low) * next(codes) / 65535 for _ in range(12)]
        np.testing.assert_allclose(by_hand, values.ravel(), atol=(high - low) / 131_000, err_msg=name)
    assert b"heads" not in (tmp_path / "rank0.jsonl").read_bytes(), "the values are not in the JSON"


def test_values_come_back_within_a_step_and_their_mean_is_closer(tmp_path: Path) -> None:
    keys = [f"k{number}" for number in range(60)]
    write(tmp_path, *keys)
    found = read(tmp_path)
    assert sorted(found) == sorted(keys)
    for name, bound in {"kl": 2.1e-4, "ar": 5.8e-4, "js": 5.3e-6, "placement": 7.7e-6, "entropy": 4.6e-5}.items():
        read_back, written = (
            np.array([getattr(values, name) for values in every])
            for every in ([found[key] for key in keys], [question_heads(key).values for key in keys])
        )
        np.testing.assert_allclose(read_back, written, atol=bound)
        assert np.abs(read_back.mean(axis=0) - written.mean(axis=0)).max() < bound / 2


def test_a_batch_has_the_bytes_of_its_questions_alone(tmp_path: Path) -> None:
    """Also where they know other values, or are of another model: the memory that they share leaves nothing behind."""
    every = [
        question_heads("a"),
        question_heads("b", placement=np.full((3, 4), np.nan)),
        question_heads("c"),
        QuestionHeads("d", HeadValues.of({"kl": np.arange(10.0).reshape(2, 5)})),
        question_heads("e", js=np.full((3, 4), 0.1)),
    ]
    alone = [next(blocks_of([kept])) for kept in every]
    assert list(blocks_of(every)) == alone
    with Journal(tmp_path) as made:
        made.write([record(kept.key, alignment={"kl": [1.0], **SHAPE}) for kept in every], heads=every)
    assert (tmp_path / "rank0.heads").read_bytes() == b"".join(alone)
    assert read(tmp_path)["d"].kl.tolist() == pytest.approx(np.arange(10.0).reshape(2, 5), abs=1e-4)


def test_equal_heads_stay_equal(tmp_path: Path) -> None:
    write(tmp_path, "a", js=np.full((3, 4), 0.1))
    assert (read(tmp_path)["a"].js == 0.1).all()


@pytest.mark.parametrize("missing", ["placement", "entropy"])
def test_a_value_that_is_not_known_takes_no_bytes(tmp_path: Path, missing: str) -> None:
    """Boxes with few places have no placement, blocks of older versions no entropy."""
    path = write(tmp_path, "a", **{missing: np.full((3, 4), np.nan)})
    assert missing.encode() not in path.read_bytes()
    found = read(tmp_path)["a"]._asdict()
    assert [name for name, values in found.items() if np.isnan(values).any()] == [missing]
    assert np.isnan(found[missing]).all()


def test_values_in_the_record_of_an_older_version_are_read(tmp_path: Path, warnings: list[str]) -> None:
    old = {name: [[1.5, 2.25]] for name in ("ar", "printed_ar", "kl", "js")}
    with Journal(tmp_path) as made:
        made.write([record("old", alignment={"kl": [1.0], "heads": old})])
    write(tmp_path, "new")
    found = read(tmp_path)
    assert sorted(found) == ["new", "old"]
    assert found["old"].kl.tolist() == found["old"].ar.tolist() == [[1.5, 2.25]]
    assert np.isnan(found["old"].placement).all()
    assert np.isnan(found["old"].entropy).all()
    records = read_records([tmp_path / "rank0.jsonl"])
    assert all("heads" not in (answered.alignment or {}) for answered, _ in read_heads(tmp_path, records))
    assert not warnings


@pytest.mark.parametrize("cut", [1, 119, 120, 180])
def test_a_torn_row_is_ignored_and_cut_off_before_writing(tmp_path: Path, warnings: list[str], cut: int) -> None:
    path = write(tmp_path, "a", "b")
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert sorted(read(tmp_path)) == ["a"]
    assert len([text for text in warnings if "values of every head of 1 answers" in text]) == 1
    with Journal(tmp_path) as made:
        made.write([], heads=[question_heads("b")])
    assert path.read_bytes() == whole
    assert sorted(read(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize("flipped", [70, -1, -60])
def test_a_damaged_row_is_said_and_costs_one_question(tmp_path: Path, warnings: list[str], flipped: int) -> None:
    path = write(tmp_path, "a", "b", "c")
    data = bytearray(path.read_bytes())
    third = len(data) // 3
    data[2 * third + flipped if flipped < 0 else third + flipped] ^= 0x40
    path.write_bytes(data)
    assert sorted(read(tmp_path)) == ["a", "c"]
    assert len(warnings) == 2, "where the damage is, and how many answers it costs"


@pytest.mark.parametrize("content", [None, b"", b"PAR1 something else"])
def test_a_missing_or_foreign_file_is_one_clear_message(
    tmp_path: Path, warnings: list[str], content: bytes | None
) -> None:
    path = write(tmp_path, "a", "b", "c")
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert read(tmp_path) == {}
    (said,) = [text for text in warnings if "every head" in text]
    assert "3 answers" in said
    assert "rank*.heads" in said
    assert "per_head=true" in said
    if content:
        assert "Its values of heads are not read" in warnings[0]
        write(tmp_path, "d", "e")
        assert path.read_bytes() == content, "nothing is written to it"
        assert len([text for text in warnings if "No values of heads are kept in this run" in text]) == 1


def test_values_are_on_disk_before_their_line(tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed in between leaves values without an answer, and its question is asked again."""
    made = opened(tmp_path)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lmms_vg.journal.store.append", killed)
    with pytest.raises(KeyboardInterrupt):
        made.write([record("b", alignment=SHAPE)], heads=[question_heads("b")])
    made.close()
    monkeypatch.undo()
    assert (tmp_path / "rank0.heads").stat().st_size > 120
    assert read(tmp_path) == {}
    assert find(opened(tmp_path), "b") is None


def test_without_values_there_is_no_file(tmp_path: Path) -> None:
    with Journal(tmp_path) as made:
        made.write([record("a")])
    assert os.listdir(tmp_path) == ["rank0.jsonl"]


def test_memory_has_no_values_of_heads(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path, "a")
    found = find(opened(tmp_path), "a")
    assert found is not None
    assert found.alignment == {"kl": [1.0], **SHAPE}
