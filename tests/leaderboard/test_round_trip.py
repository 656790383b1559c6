"""A run of lmms-eval itself, packed, checked and put on a page: every number is the one that lmms-eval printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import runs
from tampered import parts

from lmms_vg.cli.main import main
from lmms_vg.submission.validate import check
from lmms_vg.tasks.rescore import NEEDS_MODEL

TASKS = ["vgmed_demo", "vqa_demo_hard", "vqa_demo_standard"]


def test_run_submit_validate_build(demo_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished = demo_runs / "out"
    card = runs.write_card(tmp_path / "card.json", name="Demo LLaVA")
    scores = []
    for method in ("plain", "vgrefine"):
        bundle = tmp_path / "in" / f"demo-{method}" / "bundle.zip"
        assert main(["submit", str(finished / method), "--card", str(card), "-o", str(bundle)]) == 0
        assert main(["validate", str(bundle)]) == 0
        printed = json.loads(next((finished / method).rglob("*_results.json")).read_text())["results"]
        checked = check(bundle)
        assert checked.entry is not None
        manifest = checked.entry.manifest
        assert sorted(manifest.tasks) == TASKS
        for name, stated in [*manifest.tasks.items(), *manifest.groups.items()]:
            theirs = {
                key.removesuffix(",none"): value
                for key, value in printed[name].items()
                if key.endswith(",none") and "stderr" not in key and key != "ci95,none"
            }
            assert {key: value for key, value in theirs.items() if key not in NEEDS_MODEL} == stated.metrics
        assert manifest.run.commit is None or len(manifest.run.commit) >= 40
        scores.append(100 * manifest.groups["vqa_demo"].metrics["acc"])
        made = parts(bundle)
        assert len(made["answers/vqa_demo_hard.jsonl"]) == 300
        assert str(finished) not in json.dumps(made), "no path of this machine"
    capsys.readouterr()
    assert main(["leaderboard", "build", str(tmp_path / "in"), "-o", str(tmp_path / "site")]) == 0
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "Demo LLaVA" in page
    for score in scores:
        assert f"{score:.1f}" in page
