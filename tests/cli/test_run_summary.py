"""`lmms-vg run` ends with its summary, of one method or several, fresh or resumed; with `--quiet` it prints nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hosting
import pytest
from own_files import ROW, write

from lmms_vg.cli.main import main
from lmms_vg.journal import home

ARGUMENTS = ["--model_args", "pretrained=demo", "--tasks", "vqa_demo_hard", "--limit", "4", "--batch_size", "4"]


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hosting.light(monkeypatch, tmp_path)


def ended(*arguments: str) -> int:
    return hosting.ended(lambda: main(["run", *arguments, *ARGUMENTS]))


def test_one_method_without_an_output_path(capfd: pytest.CaptureFixture[str]) -> None:
    assert ended("--model", "huatuo_plain") == 0
    out = capfd.readouterr().out.rstrip().splitlines()
    assert out[-1] == f"next: lmms-vg report {home() / 'runs' / 'huatuo_plain'}"
    assert "asked 4, from journal 0, failed 0" in out[-4]
    assert any(line.startswith("vqa_demo_hard acc") for line in out[-9:])
    assert any("restricted by --limit 4" in line for line in out[-9:])
    assert main(["report", str(home() / "runs" / "huatuo_plain")]) == 0


def test_what_python_code_asked_before_is_not_in_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hosting.evaluated("llava_plain", "vqa_demo_hard", model_args="pretrained=demo", limit=3)
    capfd.readouterr()
    assert ended("--model", "huatuo_plain", "--output_path", str(tmp_path)) == 0
    assert "asked 4, from journal 0, failed 0" in capfd.readouterr().out


def test_several_methods_then_again_and_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    joint = ("--methods", "plain,vgrefine", "--model", "huatuo", "--output_path", str(tmp_path / "out"))
    folders = f"{tmp_path / 'out' / 'plain'} {tmp_path / 'out' / 'vgrefine'}"
    assert ended(*joint) == 0
    first = capfd.readouterr()
    assert first.err.startswith("lmms-vg: importing torch and lmms-eval ...")
    assert first.out.rstrip().splitlines()[-1] == f"next: lmms-vg compare {folders}"
    assert "asked 8, from journal 0, failed 0" in first.out
    assert "reading questions" in first.err, "lmms-eval's bar has a name"
    assert ended(*joint, "--quiet") == 0
    second = capfd.readouterr()
    lines = second.out.strip().splitlines()
    assert lines[0].startswith("huatuo demo: ")
    assert lines[-1] == f"next: lmms-vg compare {folders}"
    assert "asked 8, from journal 8, failed 0" in lines
    assert "INFO" not in second.err
    assert "Postprocessing" not in second.err


def test_a_quiet_run_still_warns(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert ended("--model", "huatuo_plain", "--quiet", "--output_path", str(tmp_path)) == 0
    assert "WARNING: lmms_vg summary: --limit 4" in capfd.readouterr().err


def test_a_run_that_fails_has_no_summary(capfd: pytest.CaptureFixture[str]) -> None:
    assert ended("--model", "huatuo_vgrefine", "--quiet", "--gen_kwargs", "nonsense=1") != 0
    assert capfd.readouterr().out == ""


@pytest.mark.e2e
def test_no_bar_appears_in_a_quiet_run_of_own_questions(tmp_path: Path) -> None:
    """Bars are switched off before reading the questions imports what draws them; one that insists is there.

    Nothing else of the run has to happen for this, so lmms-eval and torch are not imported.
    """
    path = write(tmp_path, ROW)
    code = (
        "import sys; from lmms_vg.cli import run; bar = lambda name, **off: list(__import__('tqdm').tqdm([1], name, **off)); "
        "run.forget_earlier = run.print_summary = lambda *_: None; "
        "run._run_one = lambda _: len(bar('first') + bar('second', disable=False)) - 2; sys.exit(run.run(sys.argv[1:]))"
    )
    arguments = ["--model", "huatuo_plain", "--data", str(path), "--quiet"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert "first" not in done.stderr
    assert "second: 100%" in done.stderr
