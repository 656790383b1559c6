"""JSON of untrusted files: a value, or ValueError with the reason."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmms_vg._util.json_text import parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.slow
@given(value=VALUES, ascii_only=st.booleans(), mark=st.booleans())
def test_what_python_writes_is_read(value: Any, ascii_only: bool, mark: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8-sig" if mark else "utf-8")
    assert parse_json(data) == value


@given(data=st.binary() | st.text(alphabet='[]{}",:\\ud8dc0123456789eE+-.NaIfinty ').map(str.encode))
def test_bytes_give_a_value_or_a_value_error(data: bytes) -> None:
    try:
        value = parse_json(data)
    except ValueError:
        return
    json.dumps(value, ensure_ascii=False).encode()


def test_whole_pairs_and_nan_are_taken() -> None:
    assert parse_json(rb'"\ud83e\uddb4"') == "\U0001f9b4"
    assert math.isnan(parse_json(b"NaN"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"9" * 5000, "not JSON"),
        (b"\xff", "not UTF-8 .* at byte 0"),
        (rb'["a", {"b": "\ud800"}]', r"half a surrogate pair"),
        (rb'{"\udfff": 1}', r"half a surrogate pair"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b'{"a": 1, "b": [{"c": 1, "d": 2, "c": 1}]}', "^'c' appears twice$"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_json(data)
