"""Commands start quickly: they import nothing that takes long and that they do not use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

#: What reading finished runs does not need.
HEAVY = ("torch", "transformers", "lmms_eval", "datasets", "scipy", "matplotlib", "pandas", "pyarrow")
#: What a list of commands does not need either: each of these takes a tenth of its time or more.
NEEDLESS = (
    *HEAVY,
    "numpy",
    "pydantic",
    "yaml",
    "importlib.metadata",
    "importlib.resources",
    "tempfile",
    "inspect",
    "json",
)
SCRIPT = """
import sys
from lmms_vg.cli.main import main
needless = sys.argv[1].split(",")
try:
    status = main(sys.argv[2:])
except SystemExit as end:
    status = end.code
print(status, *sorted(set(needless) & set(sys.modules)))
"""


@pytest.mark.parametrize("command", ["report OUT/plain", "compare OUT/plain OUT/vgrefine"])
def test_nothing_heavy_is_imported(demo_runs: Path, command: str) -> None:
    *table, last = _lines(HEAVY, command.replace("OUT", str(demo_runs / "out")).split())
    assert any("vqa_demo_hard" in line for line in table)
    assert last == "0"


@pytest.mark.e2e
@pytest.mark.parametrize(("command", "status"), [("tasks", 0), ("validate empty.zip", 1)])
def test_what_asks_nothing_imports_no_model_and_no_documents(
    command: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.zip").touch()
    *shown, last = _lines(("torch", "transformers", "lmms_eval", "datasets", "matplotlib", "pandas"), command.split())
    assert shown
    assert last == str(status)


@pytest.mark.e2e
@pytest.mark.parametrize("command", ["--help", "leaderboard --help", "vgmed blind --help"])
def test_help_imports_next_to_nothing(command: str) -> None:
    *shown, last = _lines(NEEDLESS, command.split())
    assert shown[0].startswith("usage: ")
    assert last == "0"


def _lines(needless: tuple[str, ...], arguments: list[str]) -> list[str]:
    """Return what a command prints in a fresh interpreter, and its status with what it imported needlessly."""
    start = [sys.executable, "-c", SCRIPT, ",".join(needless), *arguments]
    return subprocess.run(start, capture_output=True, text=True, check=True).stdout.splitlines()
