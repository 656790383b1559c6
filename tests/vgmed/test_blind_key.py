"""Ids against HMAC as its standard defines it, and the key's file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from blind_keys import key

from lmms_vg.vgmed.blind_key import read_key, secret_of, write_key


def hmac(secret: bytes, message: bytes) -> str:
    """RFC 2104, written out."""
    block = secret.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in block) + message).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in block) + inner).hexdigest()


def test_ids_are_keyed_hashes_of_what_they_stand_for() -> None:
    assert key().case("a") == hmac(b"\x0b" * 32, b"case\0a")[:20]
    assert key().picture("a", "plain") == hmac(b"\x0b" * 32, b"picture\0a\0plain")[:20]
    assert key().pictures[key().case("b")][key().picture("b", "method")] == "method"


def test_another_secret_gives_other_ids_and_another_study() -> None:
    other = key(secret="0c" * 32)
    assert not key().pictures.keys() & other.pictures.keys()
    assert len({key().study, other.study, key(layer=3).study, key(cases=["a"]).study}) == 4


def test_a_key_is_written_once_and_its_secret_used_again(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    fresh = secret_of(path)
    assert len(fresh) == 64
    assert fresh != secret_of(path)
    write_key(key(), path)
    assert (read_key(path), secret_of(path)) == (key(), "0b" * 32)
    write_key(key(), path)
    with pytest.raises(ValueError, match="is the key of another study"):
        write_key(key(layer=3), path)


def test_another_file_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "votes.json").write_text('{"format": "lmms-vg votes 1"}')
    with pytest.raises(ValueError, match=r"votes.json: format: .*allowed is the key"):
        read_key(tmp_path / "votes.json")
