"""The benchmark of the swap null measures what a run's kept maps are measured by, and says what they take on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from maps import question_map

from benchmarks import swap_null
from lmms_vg.journal import Journal


def test_every_figure_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swap_null, "QUESTIONS", 6_000)
    monkeypatch.setattr(swap_null, "LAYERS", 2)
    swap_null.main(["--quick"])
    said = capsys.readouterr().out
    assert "60, two per image, 2 layers of 24 x 24 patches, 20 other images" in said
    for figure in ("seconds of processor time", "MB of the questions' maps", "MB of the reference prompts' maps"):
        assert figure in said


def test_the_size_is_that_of_a_journals_file(tmp_path: Path) -> None:
    """Of two questions about one image, but for their names."""
    grid, seen = (24, 24), np.ones((24, 24), bool)
    with Journal(tmp_path) as made:
        kept = [question_map(key, "i", grid=grid, layers=28, mask=seen, visible=seen) for key in "ab"]
        made.write([], kept)
    size = (tmp_path / "rank0.maps").stat().st_size
    assert sum(swap_null.megabytes(2)) * 1e6 == pytest.approx(size, rel=0.01)


def test_boxes_lie_in_the_grid_and_have_all_sizes() -> None:
    sizes = swap_null.boxes(2000).sum(axis=1)
    assert (sizes.min(), sizes.max()) == (1, 121)
