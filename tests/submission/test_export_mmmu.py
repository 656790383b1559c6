"""MMMU's submission file from a bundle equals the one that the run itself wrote."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest
import runs
from mmmu_data import write_split

from lmms_vg.cli.main import main
from lmms_vg.submission.schema_lines import BundleQuestion
from lmms_vg.submission.submit import submit
from lmms_vg.tasks import mmmu_server_file

TEST, HARD = "mmmu_med_test", "vqa_demo_hard"


def say(one: BundleQuestion) -> str:
    """Answer with letters in several forms and with texts; every seventh answer to a lettered question is unreadable."""
    number = int(one.uid.rpartition("_")[2]) if one.uid.startswith("mmmu/") else 0
    if one.answer_type == "OPEN":
        return f" {number} “µm” "
    return "I cannot tell." if number % 7 == 0 else ("B", "The answer is C.", "(D) Ultrasound")[number % 3]


def test_the_file_is_the_one_that_the_run_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_split(tmp_path / "data", "test")
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "data"))
    run = runs.save_run(tmp_path / "run", TEST, HARD, say=say)
    submit([run], runs.CARD, tmp_path / "b.zip")
    monkeypatch.delenv("LMMS_VG_DATA")

    out = tmp_path / "answers.json"
    assert main(["export", str(tmp_path / "b.zip"), "--to", "mmmu", "-o", str(out)]) == 0
    (samples,) = run.rglob(f"*_samples_{TEST}.jsonl")
    lines = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    mmmu_server_file.write(
        [line["submission"] for line in lines], Namespace(output_path=str(tmp_path / "own"), model="m")
    )
    (written,) = (tmp_path / "own" / "submissions").glob(f"{TEST}_m_*.json")
    assert out.read_bytes() == written.read_bytes()

    answers = json.loads(out.read_text(encoding="utf-8"))
    assert len(answers) == 1752
    assert answers["test_Pharmacy_1"] == "C"
    assert answers["test_Pharmacy_5"] == "5 “µm”", "an open question is answered by text"
    assert answers["test_Pharmacy_7"] == "", "an unreadable answer claims no letter"


def test_a_bundle_without_the_test_split_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    submit([runs.save_run(tmp_path / "run", HARD)], runs.CARD, tmp_path / "b.zip")
    out = tmp_path / "answers.json"
    assert main(["export", str(tmp_path / "b.zip"), "--to", "mmmu", "-o", str(out)]) == 2
    assert f"it has {HARD}, but not {TEST}" in capsys.readouterr().err
    assert not out.exists()
