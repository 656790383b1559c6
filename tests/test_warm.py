"""Forked programs: what they show is what the real ones show."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm

pytestmark = pytest.mark.e2e

MODULE = """
import os, sys, time
print(sys.argv[1:], os.getcwd(), os.environ.get("LMMS_VG_X"), os.environ.get("HF_X"), "torch" in sys.modules)
print("to stderr", file=sys.stderr)
if "wait" in sys.argv:
    open("started", "w").write(str(os.getpid()))
    time.sleep(60)
sys.exit(3)
"""


@pytest.fixture
def shown(tmp_path: Path) -> Path:
    (tmp_path / "shows.py").write_text(MODULE)
    return tmp_path


def run(folder: Path, program: Path, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [program, "-m", "shows", "a b"], cwd=folder, env=warm.ENVIRONMENT | environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def test_arguments_folder_environment_output_and_status(shown: Path) -> None:
    import torch  # noqa: F401 - sets variables in this process, which are those that the server has then, too

    forked = run(shown, warm.programs() / "python", LMMS_VG_X="1")
    assert forked == (3, f"['a b'] {shown} 1 None True\n", "to stderr\n")
    assert forked[1].replace("True", "False") == run(shown, Path(sys.executable), LMMS_VG_X="1")[1]


def test_what_a_library_reads_at_its_import_makes_it_the_real_program(shown: Path) -> None:
    assert run(shown, warm.programs() / "python", HF_X="1")[1] == f"['a b'] {shown} None 1 False\n"


def test_code_on_the_command_line(tmp_path: Path) -> None:
    command = ["-c", "import sys; print(sys.argv, __name__, sys.path[0]); sys.exit(4)", "x"]
    said = [
        subprocess.run([program, *command], cwd=tmp_path, capture_output=True, text=True)
        for program in (warm.programs() / "python", sys.executable)
    ]
    assert [(done.returncode, done.stdout, done.stderr) for done in said] == [(4, "['-c', 'x'] __main__ \n", "")] * 2


def test_the_same_refusal_as_the_real_program(tmp_path: Path) -> None:
    said = []
    for folder in (warm.programs(), warm.REAL):
        done = subprocess.run([folder / "lmms-vg", "reports"], cwd=tmp_path, capture_output=True, text=True)
        said.append((done.returncode, done.stdout, done.stderr))
    assert said[0] == said[1]
    assert said[0][0] == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_signals_reach_it(shown: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [warm.programs() / "python", "-m", "shows", "wait"], cwd=shown, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    started = shown / "started"
    while not started.exists() or not started.read_text():
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait() == -number
    while Path("/proc", started.read_text()).exists():  # killed with the program that stands for it
        time.sleep(0.01)


def test_nothing_that_ran_before_reaches_programs_by_the_environment() -> None:
    """Benchmarks silence progress bars as they are imported, lmms-eval sets its verbosity; no program would be forked then."""
    names = os.environ.keys() | warm.ENVIRONMENT.keys()
    changed = [name for name in names if os.environ.get(name) != warm.ENVIRONMENT.get(name)]
    assert [name for name in changed if not name.startswith(warm.FREE)] == []
