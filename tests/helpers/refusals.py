"""Submissions that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import runs

from lmms_vg.submission.findings import Rejected
from lmms_vg.submission.submit import submit


def refused(tmp_path: Path, code: str, *folders: Path, card: Any = runs.CARD) -> str:
    """Return the findings of a submission that is refused, and check that no file is left."""
    out = tmp_path / "refused.zip"
    with pytest.raises(Rejected) as caught:
        submit(folders, card, out)
    assert {one.code for one in caught.value.findings} == {code}, caught.value
    assert not out.exists()
    return str(caught.value)
