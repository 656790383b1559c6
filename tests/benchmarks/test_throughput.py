"""The benchmark runs, and its contestants answer alike; how fast they are is not for a test to say."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from benchmark_runs import reported


@pytest.mark.slow
def test_quick_run_prints_finite_ratios_and_equal_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = tmp_path / "numbers.json"
    shown = reported(capsys, "throughput", "--quick", "--json", str(numbers))
    report = json.loads(numbers.read_text(encoding="utf-8"))
    for ratio in report["ratios"]:
        assert math.isfinite(ratio["value"])
        assert ratio["value"] > 0
        assert f"| {ratio['name']} | " in shown
    assert len(report["ratios"]) == 5  # two degrees of sharing, llava_hf, eager, memory
    *agreeing, knockout = report["agreements"]
    for answers in agreeing:
        assert answers["same"] == answers["total"] > 0, answers
        assert answers["different"] > 1, "equal answers prove nothing if there is only one"
    assert knockout["same"] < knockout["total"], "VGRefine's answers prove nothing if they are those of the plain path"
