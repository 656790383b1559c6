"""Rows of JSON files: their checks, and the position that a message names."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from lmms_vg.datasets.rows import parse_rows
from lmms_vg.datasets.source import DataError


class Row(BaseModel):
    question: str
    image: list[str] = []


GOOD = {"question": "5 µm?", "image": ["a"], "unused": 1}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_rows(encoding: str) -> None:
    rows = parse_rows(Row, json.dumps([GOOD, {"question": ""}], ensure_ascii=False).encode(encoding), "a.json", "Toy")
    assert rows == [Row(question="5 µm?", image=["a"]), Row(question="")]
    assert parse_rows(Row, b"[]", "a.json", "Toy") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "Invalid JSON: .* at the top"),
        ("[{", "Invalid JSON: .* at the top"),
        ("version https://git-lfs.github.com/spec/v1", "Invalid JSON: .* at the top"),
        ("[" * 200_000, "Invalid JSON: recursion limit exceeded .* at the top"),
        (r'[{"question": "\ud800"}]', r"Invalid JSON: .* hex escape at line 1 column \d+ at the top"),
        (
            '[{"question": "' + "1" * 5000 + '", "unused": ' + "1" * 5000 + "}, 3]",
            r"Invalid JSON: number out of range at line 1 column \d+ at the top",
        ),
        ("{}", "Input should be a valid array at the top"),
        (json.dumps([GOOD, {}, 3]), "Field required at 1 question"),
        (json.dumps([GOOD, GOOD | {"image": ["a", 3]}]), "Input should be a valid string at 1 image 1"),
    ],
)
def test_the_first_thing_wrong_is_named(content: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"^some/a\.json: {message}; .*Toy"):
        parse_rows(Row, content.encode(), "some/a.json", "Toy")
