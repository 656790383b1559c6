"""`lmms-vg run --dry-run` takes its arguments from the command line and from a configuration file, as a run does."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_files import ROW, write

from lmms_vg.cli.dry_run import configurations, forecasts
from lmms_vg.cli.main import main

RUNS = """
- model: huatuo_plain
  model_args: {pretrained: demo}
  tasks: [vqa_demo_hard, vgmed_demo]
- model: llava_vgrefine
  model_args: pretrained=demo
  tasks: vqa_demo
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "runs.yaml"
    path.write_text(RUNS)
    return path


def counted(lines: list[str]) -> list[str]:
    return [line.split()[0] for line in lines if line.startswith(("vqa_demo", "vgmed_demo"))]


def test_every_run_of_a_configuration_is_forecast(file: Path) -> None:
    lines = list(forecasts(["--config", str(file)]))
    assert counted(lines) == ["vqa_demo_hard", "vgmed_demo", "vqa_demo_standard", "vqa_demo_hard"]
    assert lines.count("nothing is run") == 2


def test_the_command_line_overrides_the_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--dry-run", f"--config={file}", "--tasks", "vgmed_demo"]) == 0
    assert counted(capsys.readouterr().out.splitlines()) == ["vgmed_demo", "vgmed_demo"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: [", "not YAML"),
        ("huatuo", "allowed is a mapping"),
        ("", "allowed is a mapping"),
        ("[]", "allowed is a mapping"),
    ],
)
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "runs.yaml").write_text(text)
    with pytest.raises(ValueError, match=f"--config {tmp_path / 'runs.yaml'}: {said}"):
        configurations(str(tmp_path / "runs.yaml"))
    with pytest.raises(ValueError, match="did you mean runs"):
        configurations(str(tmp_path / "run.yaml"))


def test_sizes_of_a_tiny_checkpoint_and_own_questions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, ROW, ROW, ROW | {"answer": "yes"})
    asked = ["--model", "huatuo", "--methods", "plain,vgrefine", "--model_args", "pretrained=demo"]
    assert main(["run", "--dry-run", "--data", str(path), *asked, "--output_path", "o"]) == 0
    shown = capsys.readouterr().out
    assert [line.split() for line in shown.splitlines() if line.startswith("own_")] == [
        ["own_mine_grounding", "2", "1"],
        ["own_mine_grounded_closed", "1", "1"],
    ]
    assert "3 questions for each of 2 methods" in shown
    assert "memory: weights 1.67 MB in bfloat16, 3.34 MB in float32" in shown
    assert "time: less than 1 s on one A100-80GB" in shown
    assert "0.00 GB" not in shown
    assert "e-0" not in shown
