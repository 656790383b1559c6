"""What a doctor must not do: connect."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants


@pytest.fixture(autouse=True)
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hub is not known to be offline, its cache is empty, and a connection is a failure."""
    asked: list[Any] = []

    def connect(_: socket.socket, address: Any) -> None:
        asked.append(address)
        raise OSError("no network in this test")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: connect(socket.socket(), address))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in ("LMMS_VG_PARTIAL_DATA", "LMMS_VG_KEEP_BUILTIN", "LMMS_EVAL_PLUGINS", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    yield
    assert asked == []
