"""`lmms-vg compare` and `report`: formats, files that are not overwritten, errors before any work."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from saved_run import IDENTITY, closed, save, spec

from lmms_vg.cli.main import main


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    """The plain run comes last and is still the base."""
    folders = []
    for method, score, dtype in ((spec("vgrefine", k=5), 1, "bfloat16"), (spec("plain"), 0, "float32")):
        run = IDENTITY | {"method": method, "dtype": dtype}
        folder = tmp_path / f"run_{dtype}"
        save(folder, {"t": [closed(f"q{i}", score) for i in range(3)]}, run=run)
        folders.append(str(folder))
    return folders


def test_refusal_names_what_would_allow_it(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *runs]) == 2
    shown = capsys.readouterr().err
    assert "dtype is bfloat16, but float32" in shown
    assert shown.endswith("--allow dtype\n")
    assert main(["compare", *runs, "--allow", "dtype"]) == 0
    shown = capsys.readouterr().out
    assert "| plain (base) | 0.0 |" in shown
    assert "Allowed to differ: dtype" in shown


SCRIPT = """
import json, sys
from lmms_vg.cli.main import main
plain = next(run for run in sys.argv[1:] if run.endswith("float32"))
statuses = [main(["report", plain]), main(["compare", *sys.argv[1:], "--allow", "dtype"])]
heavy = {"torch", "transformers", "lmms_eval", "datasets", "huggingface_hub.hf_api", "matplotlib", "lmms_vg.attention"}
print(json.dumps([statuses, sorted(heavy & set(sys.modules))]), file=sys.stderr)
"""


@pytest.mark.e2e
def test_reading_runs_imports_no_engine_and_no_client_of_the_hub(runs: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, *runs], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr.splitlines()[-1]) == [[0, 0], []]


@pytest.mark.parametrize(
    ("name", "start"), [("a.md", "| method |"), ("a.csv", "run,method,"), ("a.tex", r"\begin{table}")]
)
def test_a_new_file_in_the_format_of_its_suffix(
    runs: list[str], tmp_path: Path, name: str, start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / name
    assert main(["compare", *runs, "--allow", "dtype", "-o", str(out)]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{out}\n"
    assert ("Allowed to differ: dtype" in captured.err) == (name == "a.csv"), "which has no place for it"
    first = out.read_text()
    assert first.startswith(start)
    assert main(["compare", *runs, "--allow", "dtype", "-o", str(out)]) == 2
    assert f"{out}: this already exists" in capsys.readouterr().err
    assert out.read_text() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["run_bfloat16", "run_float32", name])


def test_format_wins_over_the_suffix(runs: list[str], tmp_path: Path) -> None:
    out = tmp_path / "table.txt"
    assert main(["compare", *runs, "--allow", "dtype", "--format", "csv", "-o", str(out)]) == 0
    assert [row["score"] for row in csv.DictReader(out.open()) if row["run"]] == ["1.0", "0.0"]


def test_a_file_that_another_process_wrote_meanwhile(
    runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.md"
    from lmms_vg.runs import compare as module

    real = module.compare

    def slow(*arguments: object, **named: object) -> object:
        out.write_text("theirs")
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "compare", slow)
    assert main(["compare", *runs, "--allow", "dtype", "-o", str(out)]) == 2
    assert "already exists" in capsys.readouterr().err
    assert out.read_text() == "theirs"
    assert not list(tmp_path.glob(".a.md*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "a.txt"], "-o a.txt: its suffix is no known format; allowed are .md, .csv, .tex, or add --format"),
        (["--allow", "dtyp"], "--allow dtyp: did you mean dtype?"),
    ],
)
def test_arguments_are_checked_before_any_run_is_read(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", ".", *arguments]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1


def test_report_and_compare_take_what_they_can_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("report", "compare"):
        assert main([command, str(tmp_path)]) == 2
        assert "no *_results.json under it" in capsys.readouterr().err
        (tmp_path / "journal").mkdir(exist_ok=True)
        (tmp_path / "journal" / "rank0.jsonl").write_text("")
        assert main([command, str(tmp_path / "journal")]) == 2
        assert "no scores of questions or measurements (empty)" in capsys.readouterr().err
