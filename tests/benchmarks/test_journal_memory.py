"""The benchmark of large journals; how much memory they take, is for `tests/journal/test_places.py` to say."""

from __future__ import annotations

import sys

import pytest

from benchmarks import journal_memory


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_quick_run_reads_back_what_it_wrote(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal_memory.main(["--quick"])
    shown = capsys.readouterr().out
    for kind in ("VQA", "measurement"):
        assert f"| {kind}: seconds to open | " in shown
        assert f"| {kind}: written and read back | 400 of 400 | 200 |" in shown
