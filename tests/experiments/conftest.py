"""A tiny checkpoint, and files of questions with boxes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny.save(tmp_path_factory.mktemp("calibration") / "model"))


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if a model is loaded."""
    monkeypatch.setattr(
        "lmms_vg.experiments.calibration.build", lambda *args, **kwargs: pytest.fail("a model was loaded")
    )


@pytest.fixture
def own_file(tmp_path: Path) -> Callable[..., Path]:
    """Write rows into a file next to two images."""

    def write(*rows: dict[str, Any]) -> Path:
        folder = tmp_path / "own"
        (folder / "imgs").mkdir(parents=True, exist_ok=True)
        for seed in (1, 2):
            tiny.picture(seed).save(folder / "imgs" / f"{seed}.png")
        path = folder / "boxes.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write
