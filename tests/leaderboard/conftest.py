"""What the tests of this folder share lies beside them; data that another test read in part are none of their business."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest

from lmms_vg.datasets import counts


@pytest.fixture(autouse=True)
def whole_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts that were off stay in the process."""
    monkeypatch.setattr(counts, "deviations", {})
