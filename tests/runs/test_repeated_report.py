"""`report` of several runs sums up repeats of one setting, and refuses what is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from said import said_run
from saved_run import tables

from lmms_vg.cli.main import main
from lmms_vg.metrics.statistics.repeats import repeats
from lmms_vg.runs.repeated_report import repeated_report
from lmms_vg.runs.results import Run

TRUTH = [True, False] * 40


def drawn(folder: Path, seed: int, method: str = "plain", **identity: object) -> Run:
    rng = np.random.default_rng(seed)
    said = [yes != (rng.random() < 0.3) for yes in TRUTH]
    return said_run(folder, said, TRUTH, method, identity={"sampling_seed": seed, **identity})


def test_both_parts_of_the_variance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [drawn(tmp_path / str(seed), seed) for seed in (1, 2, 3)]
    assert main(["report", *(str(run.path) for run in runs)]) == 0
    text = capsys.readouterr().out
    ((head, row),) = tables(text)
    task = runs[0].tasks["t"]
    expected = repeats([[run.tasks["t"].scores[uid] for uid in task.scores] for run in runs], [*task.images.values()])
    assert head[3:8] == ["mean (%)", "spread", "error: seeds", "error: images", "error: both"]
    assert row[:3] == ["plain", "t", "3"]
    assert [float(cell) for cell in row[3:8]] == pytest.approx([100 * value for value in expected[1:6]], abs=0.006)
    assert row[8] == f"{100 * expected.low:.2f} to {100 * expected.high:.2f}"
    assert "plain [sampling_seed=2]" in text


def test_a_layer_is_of_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [str(drawn(tmp_path / str(seed), seed).path) for seed in (1, 2)]
    assert main(["report", *runs, "--layer", "3"]) != 0
    assert "--layer 3 applies to a single run" in capsys.readouterr().err


def test_what_is_no_repeat_is_refused_with_the_reason(tmp_path: Path) -> None:
    first = drawn(tmp_path / "a", 1)
    cases = {
        "its method is vgrefine .*, not plain.*lmms-vg compare": drawn(tmp_path / "b", 2, "vgrefine"),
        "it differs in dtype": drawn(tmp_path / "c", 2, dtype="bfloat16"),
        "it has the same seed as another one": drawn(tmp_path / "d", 1),
        "it does not state its method and seed": replace(drawn(tmp_path / "e", 2), provenance=None),
        "was run with --limit 8": replace(drawn(tmp_path / "f", 2), restricted="--limit 8"),
    }
    for message, other in cases.items():
        with pytest.raises(ValueError, match=message):
            repeated_report([first, other])
