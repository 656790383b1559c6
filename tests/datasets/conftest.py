"""Fixtures: a folder of raw data, the real data if the checkout has them, and a forked child."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import raw

from lmms_vg.datasets import counts

# No __init__.py in this folder: with tests/helpers on sys.path it would shadow the library `datasets`.


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """LMMS_VG_DATA as an empty folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("LMMS_VG_DATA", str(folder))
    monkeypatch.delenv("LMMS_VG_PARTIAL_DATA", raising=False)
    return folder


@pytest.fixture
def real_data(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """LMMS_VG_DATA as the folder of real data."""
    monkeypatch.setenv("LMMS_VG_DATA", str(shared_data))
    monkeypatch.delenv("LMMS_VG_PARTIAL_DATA", raising=False)
    return shared_data


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow partial data, and start without recorded deviations."""
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    monkeypatch.setattr(counts, "deviations", {})


@pytest.fixture
def lay(data: Path) -> Callable[[str, bytes], None]:
    """Write a file to a place such as `slake/imgs/a.jpg`, or into a new archive: `slake/imgs.zip:imgs/a.jpg`."""

    def put(place: str, content: bytes) -> None:
        path, _, member = place.partition(":")
        if member:
            raw.put_zip(data / path, {member: content})
        else:
            raw.put(data / path, content)

    return put


@pytest.fixture
def forked() -> Callable[..., int | None]:
    """Call a function in a forked child and return its exit code; None if it hangs."""
    if not hasattr(os, "fork"):
        pytest.skip("this platform cannot fork")

    def call(target: Callable[..., object], *arguments: object) -> int | None:
        child = multiprocessing.get_context("fork").Process(target=target, args=arguments)
        child.start()
        child.join(20)
        stuck = child.is_alive()
        child.kill()
        return None if stuck else child.exitcode

    return call
