"""Rows of answers that open no image."""

from __future__ import annotations

from pathlib import Path

import pytest
from saved_run import closed, opened, save

from lmms_vg.datasets.training import Training, training
from lmms_vg.runs import chance_rows as rows
from lmms_vg.runs.compare import compare
from lmms_vg.runs.lmms_eval_output import read_run


def test_rows_of_a_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The training answer to "Is it?" is no, which is right for two of five; one answer to all is yes, right for three."""
    known = Training({f"q{i}": "Is it?" for i in range(5)}, [("is it?", "no"), ("Is it?", "no"), ("Other?", "yes")])
    monkeypatch.setattr(rows, "training", lambda task: known if task == "t" else None)
    lines = [closed(f"q{i}", 1) | {"target": "yes" if i < 3 else "No"} for i in range(5)]
    run = read_run(save(tmp_path, {"t": lines, "u": lines, "o": [opened("q1", 1)]}, groups={"g": ["t", "u"]}))
    comparison = compare([run])
    assert [(entry.row, entry.name, entry.blind.right, entry.blind.n) for entry in comparison.chance] == [
        (rows.MAJORITY, "t", 3, 5),
        (rows.TRAINING, "t", 2, 5),
        (rows.MAJORITY, "u", 3, 5),
        (rows.MAJORITY, "g", 6, 10),
    ]
    assert "| chance: training answer | 40.0 |" in comparison.table()


def test_training_questions_of_slake_and_vqa_rad(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_DATA", str(shared_data))
    slake = training("slake_test_closed")
    assert slake is not None
    assert (len(slake.asked), len(slake.answers)) == (416, 1943 + 422)
    vqa_rad = training("vqa_rad_test_closed")
    assert vqa_rad is not None
    assert len(vqa_rad.answers) > len(vqa_rad.asked) > 200


def test_without_training_questions_there_is_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path))
    assert training("slake_test_closed") is None
    assert training("pmc_vqa") is None
    monkeypatch.delenv("LMMS_VG_DATA")
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    assert training("slake_test_closed") is None, "nothing is downloaded"
