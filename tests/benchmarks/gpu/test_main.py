"""The GPU command on a CPU: every section is measured, and all paths answer alike in float32."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from benchmark_runs import reported
from saved_run import tables

from benchmarks.gpu import __main__ as command


@pytest.mark.slow
def test_quick_run_measures_every_section(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMMS_VG_SHARED_DATA", str(tmp_path))
    numbers = tmp_path / "numbers.json"
    shown = reported(capsys, "gpu.__main__", "--device", "cpu", "--quick", "--json", str(numbers))
    found = json.loads(numbers.read_text(encoding="utf-8"))
    assert {name: section["state"] for name, section in found.items()} == dict.fromkeys(found, "measured"), shown
    assert list(found) == [
        "Setup",
        "Weights",
        "Speed, 2 questions an image",
        "Prefill",
        "Idle GPU",
        "Speed, 1 question an image",
        "vLLM",
        "Numbers by dtype and batch",
        "device_map",
        "Every method",
    ]
    assert shown.endswith("Every section was measured.\n")
    assert "noise, because there is no" in found["Setup"]["images"]

    speed = found["Speed, 2 questions an image"]
    assert "takes no part" not in shown
    assert len(speed["seconds"]) == 9
    assert all(math.isfinite(ratio["value"]) and ratio["value"] > 0 for ratio in speed["ratios"])
    *agreeing, knockout = speed["agreements"]
    for answers in agreeing:
        assert answers["same"] == answers["total"] == 4, answers
        assert answers["different"] > 1, "equal answers prove nothing if there is only one"
    assert knockout["same"] < knockout["total"], "VGRefine's answers prove nothing if they are those of the plain path"

    by_dtype = {row["name"]: (row["same"], row["total"]) for row in found["Numbers by dtype and batch"]["agreements"]}
    assert by_dtype["random, float32, batch 8 and batch 1"] == (2, 2)
    assert by_dtype["embedded, bfloat16 and float32"] == (2, 2), "trained answers are no close calls"
    distances = {name: float(median) for name, median, *_ in found["Numbers by dtype and batch"]["distances"]}
    assert distances["embedded, float16 and float32"] < distances["embedded, bfloat16 and float32"] < 0.1
    checks = dict(found["Numbers by dtype and batch"]["load"])
    assert len(checks) == 6
    assert checks["embedded, float32"].startswith("0.0e+00 "), "the same steps in the same order"
    assert [one["same"] for one in found["device_map"]["agreements"]] == [2]
    assert "plain" in found["Every method"]["seconds"]
    assert {head[0] for head, *_ in tables(shown)} >= {
        "setup",
        "path",
        "ratio within rounds",
        "answers",
        "prefill",
    }


@pytest.mark.parametrize("arguments", [["--device", "cpu"], []])
def test_without_a_gpu_only_the_quick_run_is_allowed(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit):
        command.parse(arguments)
    assert "--device cpu --quick" in capsys.readouterr().err
