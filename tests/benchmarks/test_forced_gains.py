"""The script says "better" where forced choice does, and only there; runs without first-token values have no verdict."""

from __future__ import annotations

import json
from math import log
from pathlib import Path
from shutil import copy

import hosting
import pytest
from saved_run import IDENTITY, closed, save, spec

from benchmarks.forced_gains import main
from lmms_vg.cli.main import main as lmms_vg


def run(folder: Path, right: int, method: str, sure: float | None) -> str:
    """Sixty questions, all answered yes; the first token prefers the right answer to some of them."""
    lines = []
    for number in range(60):
        line = closed(f"q{number}", 1, f"i{number}") | {"target": "Yes"}
        if sure is not None:
            yes = sure if number < right else 1 - sure
            line["n"]["first_token"] = {"log_p": {"yes": log(yes / 2), "no": log((1 - yes) / 2)}, "mass": 0.5}
        lines.append(line)
    return str(save(folder, {"t": lines}, run=IDENTITY | {"method": spec(method)}))


@pytest.mark.parametrize(("right", "status", "said"), [(50, 1, "**better**"), (31, 0, "no gain"), (5, 0, "no gain")])
def test_the_status_is_that_of_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], right: int, status: int, said: str
) -> None:
    runs = [run(tmp_path / "p", 30, "plain", 0.9), run(tmp_path / "m", right, "vcd", 0.9)]
    assert main(runs) == status
    assert f"| {said} |" in capsys.readouterr().out


def test_runs_without_first_token_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([run(tmp_path / "p", 30, "plain", None), run(tmp_path / "m", 60, "vcd", None)]) == 0
    assert "| no values |" in capsys.readouterr().out


@pytest.mark.slow
def test_no_method_is_better_on_real_questions_that_the_demo_model_cannot_read(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A short form of the page's 1,297 questions: 24 yes/no questions of VQA-RAD about as many images, as own questions."""
    hosting.light(monkeypatch, tmp_path)
    folder = shared_data / "vqa_rad"
    rows = json.loads((folder / "VQA_RAD Dataset Public.json").read_text(encoding="utf-8"))
    closed_rows = [row for row in rows if str(row["answer"]).strip().lower() in ("yes", "no")]
    of_images = {row["image_name"]: row for row in reversed(closed_rows)}
    lines = []
    for name in sorted(of_images)[:24]:
        copy(folder / "VQA_RAD Image Folder" / name, tmp_path / name)
        row = of_images[name]
        lines.append({"image": name, "question": row["question"], "answer": row["answer"].strip().lower()})
    questions = tmp_path / "rad.jsonl"
    questions.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    arguments = "pretrained=demo,attention_lens.start=1,attention_lens.end=4"
    asked = [
        "--data", str(questions), "--model", "huatuo", "--batch_size", "8",
        "--methods", "plain,attention_lens,vcd,pai", "--model_args", arguments, "--output_path", str(tmp_path / "out"),
    ]  # fmt: skip
    assert hosting.ended(lambda: lmms_vg(["run", *asked])) == 0
    capsys.readouterr()
    assert main([str(tmp_path / "out" / name) for name in ("plain", "attention_lens", "vcd", "pai")]) == 0
    shown = capsys.readouterr().out
    assert shown.count("| no gain |") == 3, shown
