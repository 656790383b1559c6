"""Damage to a journal file: flipped, cut, moved or joined lines never count as answers."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journals import Opened, find, record

from lmms_vg.journal import Journal, JournalError, Record, read_entries, read_lines, read_records
from lmms_vg.journal.lines import FORMAT, encode

fuzzed = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

#: Among them texts that look like lines, and characters that JSON escapes or that are no characters.
RECORDS = [
    record("a", text="lower-right", alignment={"kl": [1.25, 2.5], "ar": [0.1]}),
    record("b", text='{"key": "x", "task": "t", "uid": "u"}'),
    record("c", text='"}\n{"run": {"weights": "w"}}\n{"sha256": "'),
    record("d", text="żółw 肝 \udc80", error="ValueError: no", error_code="model"),
    record("e", text="", extras={"hidden_tokens": 3}),
    record("f", decoding={"until": ["\n"]}, seconds=0.25),
]
BATCHES = [RECORDS[:1], RECORDS[1:4], RECORDS[4:]]
WHOLE = encode([{"format": FORMAT, "run": {"weights": "w"}}]) + b"".join(
    encode([one.model_dump(mode="json") for one in batch]) for batch in BATCHES
)
LINES = WHOLE.splitlines(keepends=True)


def read(path: Path, data: bytes) -> list[Record | dict[str, Any]]:
    path.write_bytes(data)
    return list(read_entries([path]))


def is_part(entries: list[Any], of: list[Any]) -> bool:
    """Return whether `entries` is a subsequence of `of`."""
    rest = iter(of)
    return all(entry in rest for entry in entries)


@pytest.fixture
def whole(tmp_path: Path) -> list[Any]:
    entries = read(tmp_path / "whole", WHOLE)
    assert len(entries) == len(LINES)
    return entries


def test_the_checksum_is_that_of_the_rest_of_the_line() -> None:
    """Check a line by the documented rule, without the module that writes it."""
    for line in LINES:
        body = json.loads(line)
        digits = body.pop("sha256")
        written = json.dumps(body, ensure_ascii=False).encode(errors="backslashreplace")
        assert hashlib.sha256(written).hexdigest()[:32] == digits
        assert line == b'{"sha256": "' + digits.encode() + b'", ' + written[1:] + b"\n"
    assert [json.loads(line).get("more", 0) for line in LINES] == [0, 0, 2, 1, 0, 1, 0], "lines of a batch that follow"


@pytest.mark.slow
def test_no_flipped_bit_is_ever_read(tmp_path: Path, whole: list[Any]) -> None:
    """Flip every byte of the file in turn: its line is skipped, and all other lines are unchanged."""
    for place in range(len(WHOLE)):
        data = bytearray(WHOLE)
        data[place] ^= 1 << place % 8
        entries = read(tmp_path / "f", bytes(data))
        assert is_part(entries, whole)
        assert len(whole) - 2 <= len(entries) < len(whole)


@pytest.mark.slow
@fuzzed
@given(place=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255))
def test_no_changed_byte_is_ever_read(tmp_path: Path, whole: list[Any], place: int, byte: int) -> None:
    entries = read(tmp_path / "f", WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :])
    assert is_part(entries, whole)
    assert (len(entries) == len(whole)) == (WHOLE[place] == byte)


@pytest.mark.slow
@fuzzed
@given(start=st.integers(0, len(WHOLE)), length=st.integers(0, 400), put=st.binary(max_size=60))
def test_no_overwritten_part_is_ever_read(
    tmp_path: Path, whole: list[Any], start: int, length: int, put: bytes
) -> None:
    assert is_part(read(tmp_path / "f", WHOLE[:start] + put + WHOLE[start + length :]), whole)


@pytest.mark.slow
@fuzzed
@given(length=st.integers(0, len(WHOLE)))
def test_a_file_cut_anywhere_has_its_whole_lines(tmp_path: Path, whole: list[Any], length: int) -> None:
    entries = read(tmp_path / "f", WHOLE[:length])
    assert entries == whole[: WHOLE[:length].count(b"\n")]


@pytest.mark.slow
@fuzzed
@given(length=st.integers(0, len(WHOLE)))
def test_who_goes_on_finds_whole_batches(tmp_path: Path, length: int) -> None:
    """A batch with a torn line is cut off as a whole, so that its questions share a batch again."""
    path = tmp_path / "rank0.jsonl"
    path.write_bytes(WHOLE[:length])
    with Journal(tmp_path) as made:
        kept = [one.error or find(made, one.key) is not None for one in RECORDS]
    ends = [len(b"".join(LINES[: number + 1])) for number in (0, 1, 4, 6)]
    whole_batches = BATCHES[: max(0, sum(end <= length for end in ends) - 1)]
    count = sum(map(len, whole_batches))
    assert [bool(one) for one in kept] == [number < count or RECORDS[number].key == "d" for number in range(6)]
    assert path.read_bytes() == WHOLE[: max([0, *(end for end in ends if end <= length)])] + encode(
        [{"format": FORMAT, "run": {}}]
    )


@pytest.mark.slow
@fuzzed
@given(order=st.lists(st.integers(0, len(LINES) - 1), max_size=12))
def test_lines_stand_by_themselves(tmp_path: Path, whole: list[Any], order: list[int]) -> None:
    """Lines that are swapped, doubled or lost do not change other lines."""
    entries = read(tmp_path / "f", b"".join(LINES[number] for number in order))
    assert entries == [whole[number] for number in order]


@pytest.mark.slow
@fuzzed
@given(glued=st.sets(st.integers(0, len(LINES) - 2)))
def test_glued_lines_are_skipped(tmp_path: Path, whole: list[Any], glued: set[int]) -> None:
    data = b"".join(line[:-1] if number in glued else line for number, line in enumerate(LINES))
    harmed = glued | {number + 1 for number in glued}
    assert read(tmp_path / "f", data) == [entry for number, entry in enumerate(whole) if number not in harmed]


@pytest.mark.slow
@fuzzed
@given(pair=st.permutations(range(len(LINES))), cut=st.integers(1, 400))
def test_halves_of_two_lines_are_no_line(tmp_path: Path, whole: list[Any], pair: list[int], cut: int) -> None:
    first, second = (LINES[number] for number in pair[:2])
    entries = read(tmp_path / "f", LINES[0] + first[:cut] + second[cut:])
    assert is_part(entries[1:], whole)
    assert Counter(map(str, entries[1:])) <= Counter(map(str, whole))


def test_damage_is_said_with_file_and_line_and_asked_again(opened: Opened, filled: Path, warnings: list[str]) -> None:
    path = filled / "rank0.jsonl"
    path.write_bytes(path.read_bytes().replace(b"says b", b"says c"))
    again = opened(filled)
    assert [find(again, key) is not None for key in "abc"] == [True, False, True]
    (said,) = warnings
    assert str(path) in said
    assert "line 3 is damaged" in said


def test_a_line_without_a_checksum_is_damaged(tmp_path: Path, warnings: list[str]) -> None:
    path = tmp_path / "rank0.jsonl"
    bare = json.dumps(record("x").model_dump(mode="json")).encode() + b"\n"
    path.write_bytes(LINES[0] + bare + LINES[1])
    assert [one.key for one in read_records([path])] == ["a"]
    assert "line 2" in warnings[0]
    assert len(warnings) == 1


@pytest.mark.parametrize("stated", [{}, {"format": 1}, {"format": 3}, {"format": "two"}])
def test_another_format_is_refused_and_left_as_it_is(tmp_path: Path, stated: dict[str, Any]) -> None:
    path = tmp_path / "rank0.jsonl"
    path.write_bytes(encode([stated | {"run": {}}]) + LINES[2] + b'{"torn')
    for read_it in (
        lambda: list(read_entries([path])),
        Journal(tmp_path).__enter__,
        Journal(tmp_path, rank=1).__enter__,
    ):
        with pytest.raises(JournalError, match=rf"format is {stated.get('format', 1)}.*{FORMAT}.*LMMS_VG_HOME"):
            read_it()
    assert path.read_bytes() == encode([stated | {"run": {}}]) + LINES[2] + b'{"torn'
    assert [one.name for one in tmp_path.iterdir()] == ["rank0.jsonl"]


def test_a_whole_file_warns_of_nothing(tmp_path: Path, warnings: list[str]) -> None:
    (tmp_path / "f").write_bytes(WHOLE)
    assert [line.get("key", "run") for line in read_lines(tmp_path / "f")] == ["run", *"abcdef"]
    assert warnings == []
