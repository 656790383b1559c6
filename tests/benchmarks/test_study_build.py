"""The benchmark's journal is one that a study is built of: every question with its maps, and its values those of the maps."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from benchmarks import study_build
from lmms_vg.study.collect import collect


def test_the_journal_holds_what_a_run_leaves(tmp_path: Path) -> None:
    tasks = collect([study_build.write_journal(tmp_path / "journal", 40)]).tasks
    assert [(task.side, len(task.questions)) for task in tasks] == [("medical", 20), ("natural", 20)]
    for task in tasks:
        assert np.isfinite(task.excess["AR"]).all()
        assert task.level["AR"].mean() == pytest.approx(1, abs=0.3), "other images know nothing of the box"
        assert (task.excess["AR"].mean(axis=1) > 0).mean() > 0.8
    assert tasks[0].values["AR"].shape == (20, 28)


@pytest.mark.slow
def test_a_quick_run_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Studies are built in this process, and without the drawing of figures, which takes nearly all of the time."""
    alone = study_build._alone
    monkeypatch.setattr(
        study_build,
        "_alone",
        lambda work, *given: (work if work is study_build.build_study else partial(alone, work))(*given),
    )
    monkeypatch.setattr(Figure, "savefig", lambda _, file, **__: file.write(b"drawn"))
    study_build.main(["--quick", "--folder", str(tmp_path)])
    shown = capsys.readouterr().out
    assert "| MB of the resident set at its peak, nulls stored |" in shown
    for name in ("study_first", "study_second"):
        assert (tmp_path / name / "report.html").is_file()
    assert "| stored nulls | 0 MB |" in shown, "a few kB, of a home that is removed"
    assert not list(tmp_path.glob("home_*"))
