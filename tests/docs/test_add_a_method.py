"""docs/add_a_method.md to the letter: the file under work, the package, the generic tests."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import answers, command
from distributions import environment
from pages import commands, files, packaged

PAGE = "add_a_method.md"
FILES = files(PAGE)


def summaries(process: subprocess.CompletedProcess[str]) -> list[tuple[str, ...]]:
    """Questions asked, found in the journal and answered, of every run of lmms-eval in a process."""
    said = re.findall(r"(\d+) asked, (\d+) from journal, (\d+) answered now, 0 failed", process.stdout + process.stderr)
    return [tuple(one) for one in said]


def test_a_file_under_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers otherwise than plain; changed, it is asked again (FAULTS: an edited method was answered from its journal)."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "sharpen.py"
    path.write_text(FILES["sharpen.py"])
    (typed,) = commands(PAGE)
    arguments = [*shlex.split(typed)[1:], "--verbosity", "INFO"]
    first = command(tmp_path / "home", *arguments)
    assert first.returncode == 0, first.stderr
    assert summaries(first) == [("20", "0", "20"), ("20", "20", "0")]
    for method, made in (("plain", "Plain()"), ("sharpen", "Sharpen(weight=1.5)")):
        lines = answers(tmp_path / "out" / method)["vqa_demo_hard.jsonl"]
        assert [line["n"]["run"]["method"] for line in lines if "run" in line["n"]] == [made]
    path.write_text(path.read_text().replace("range(batch.decoder.depth)", "range(2)"))
    again = command(tmp_path / "home", *arguments)
    assert summaries(again) == [("20", "20", "0"), ("20", "0", "20")], again.stderr


def test_the_package_passes_the_generic_tests(tmp_path: Path) -> None:
    """Installed by pip as the page says, with the row that the page says, in a copy of the tests."""
    site = packaged(PAGE, tmp_path)
    tests = Path(__file__).parents[1]
    for name in ("conftest.py", "helpers", "methods/conftest.py", "methods/test_all.py"):
        copy = shutil.copytree if (tests / name).is_dir() else shutil.copy
        (tmp_path / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        copy(tests / name, tmp_path / "tests" / name)
    generic = tmp_path / "tests" / "methods" / "test_all.py"
    code, end = generic.read_text(), "}\nNAMES = "
    assert code.count(end) == 1
    generic.write_text(code.replace(end, FILES["a row of CASES"] + end))
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    done = subprocess.run(
        [*pytest_command, str(generic), "-k", "sharpen or every_method"],
        capture_output=True,
        text=True,
        env=environment(site) | {"PYTHONDONTWRITEBYTECODE": "1"},
        cwd=os.fspath(tmp_path),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 15
