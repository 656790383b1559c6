"""Follow docs/add_a_method.md literally: the method file, the package, the generic tests."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import warm
from commands import answers, command
from distributions import environment
from pages import commands, files, packaged

from lmms_vg.journal import read_records

#: Seconds per test: several whole runs of lmms-eval, on a machine that may be busy.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PAGE = "add_a_method.md"
FILES = files(PAGE)


def answered(home: Path, method: str) -> list[int]:
    """Number of answers in each journal of a method."""
    paths = home.glob(f"journal/huatuo_{method}-*/rank0.jsonl")
    return [len({record.key for record in read_records([path])}) for path in paths]


def test_a_file_under_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The method runs with plain; after its code has changed, it is asked again and plain is not."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "sharpen.py"
    path.write_text(FILES["sharpen.py"])
    (typed,) = commands(PAGE)
    for turn in (1, 2):
        done = command(tmp_path / "home", *shlex.split(typed)[1:])
        assert done.returncode == 0, done.stderr
        assert (answered(tmp_path / "home", "plain"), answered(tmp_path / "home", "sharpen")) == ([20], [20] * turn)
        path.write_text(path.read_text().replace("range(batch.unedited.depth)", "range(2)"))
    for method, hyper_parameters in (("plain", {}), ("sharpen", {"weight": 1.5})):
        lines = answers(tmp_path / "out" / method)["vqa_demo_hard.jsonl"]
        (run,) = [line["n"]["run"] for line in lines if "run" in line["n"]]
        assert run["method"] == {"name": method, "hyper_parameters": hyper_parameters}


def test_the_package_passes_the_generic_tests(tmp_path: Path) -> None:
    """The package is installed by pip and the row added as the page says, in a copy of the tests."""
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
    pytest_command = [
        warm.programs() / "python",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
    ]
    done = subprocess.run(
        [*pytest_command, str(generic), "-k", "sharpen or every_method"],
        capture_output=True,
        text=True,
        env=environment(site),
        cwd=os.fspath(tmp_path),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 15
