"""Follow docs/add_a_family.md literally: the package runs with a method of ours and passes the generic tests."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import warm
from commands import answers, command
from distributions import environment
from pages import commands, packaged

#: Seconds per test: several whole runs of lmms-eval, on a machine that may be busy.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PAGE = "add_a_family.md"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packaged(PAGE, tmp_path_factory.mktemp("terse"))


def test_the_package_runs(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", environment(site)["PYTHONPATH"])
    (typed,) = commands(PAGE)
    done = command(tmp_path / "home", *shlex.split(typed)[1:])
    assert done.returncode == 0, done.stderr
    (run,) = [line["n"]["run"] for line in answers(tmp_path / "out")["vgmed_demo.jsonl"] if "run" in line["n"]]
    assert run["family"] == "terse"


def test_the_package_passes_the_generic_tests(site: Path) -> None:
    rooms = ["tests/bad_input", "tests/models"]
    done = subprocess.run(
        [warm.programs() / "python", "-m", "pytest", "-n0", "-p", "no:cacheprovider", *rooms, "-k", "terse"],
        capture_output=True,
        text=True,
        env=environment(site),
        cwd=os.fspath(ROOT),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 20
