"""Fixtures: tiny checkpoints, and a home of its own for every test."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Tiny models on two shared cores: a second thread only waits for the first. Subprocesses inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
sys.path.insert(0, str(Path(__file__).parent))

import pytest

from lmms_vg.datasets import counts


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's journal or data."""
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "lmms_vg_home"))
    monkeypatch.delenv("LMMS_VG_DATA", raising=False)


@pytest.fixture(autouse=True)
def whole_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that another test read in part are none of this one's business: counts that were off stay in the process."""
    monkeypatch.setattr(counts, "deviations", {})
