"""Fixtures: where raw data lie in a test, and the real data where a checkout has them."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

# No __init__.py in this folder: with tests/ on sys.path it would shadow the library `datasets`.


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty LMMS_VG_DATA."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("LMMS_VG_DATA", str(folder))
    monkeypatch.delenv("LMMS_VG_PARTIAL_DATA", raising=False)
    return folder


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data, LMMS_VG_SHARED_DATA or ../shared/data beside the checkout."""
    default = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("LMMS_VG_SHARED_DATA") or default)
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not there (LMMS_VG_SHARED_DATA names it)")
    return folder


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """A PNG of one value: ``picture(7)`` is RGB (7, 7, 7)."""

    def make(value: int, mode: str = "L") -> bytes:
        buffer = io.BytesIO()
        Image.new(mode, (3, 2), value).save(buffer, "PNG")
        return buffer.getvalue()

    return make
