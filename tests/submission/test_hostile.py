"""Hostile files are refused with a code, quickly, in little memory, and without a trace on the disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import runs
from hostile import CASES

from lmms_vg.cli.main import main
from lmms_vg.submission.submit import submit
from lmms_vg.submission.validate import check

MEMORY = 500_000_000  # bytes
TIME = 10  # seconds

_CHILD = r"""
import json, re, sys, time
from pathlib import Path
from lmms_vg.submission.validate import check
for path in map(Path, sys.argv[1:]):
    start = time.monotonic()
    codes = [one.code for one in check(path).errors]
    # ru_maxrss would be that of the parent, which a child starts with.
    peak = 1024 * int(re.search("VmHWM: *(.*) kB", Path("/proc/self/status").read_text().replace("\t", " "))[1])
    print(json.dumps([path.name, codes, time.monotonic() - start, peak]), flush=True)
"""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    submit([runs.save_run(folder / "run", "vqa_demo_hard")], runs.CARD, folder / "good.zip")
    return folder / "good.zip"


@pytest.fixture(scope="module")
def files(good: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hostile")
    made = {}
    for number, (name, (make, _)) in enumerate(CASES.items()):
        made[name] = folder / f"{number}.zip"
        make(good, made[name])
    return made


@pytest.fixture(scope="module")
def measured(programs: None, good: Path, files: dict[str, Path]) -> dict[str, tuple[list[str], float, int]]:
    """File name -> codes, seconds and peak memory so far, all measured in one separate process."""
    paths = [str(path) for path in (good, *files.values())]
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *paths], capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: (codes, seconds, peak) for name, codes, seconds, peak in found}


@pytest.mark.parametrize("case", CASES)
def test_refused(case: str, files: dict[str, Path], measured: dict[str, tuple[list[str], float, int]]) -> None:
    codes, seconds, peak = measured[files[case].name]
    assert CASES[case][1] in codes
    assert seconds < TIME
    assert peak < MEMORY


def test_the_good_one_is_not(measured: dict[str, tuple[list[str], float, int]]) -> None:
    assert measured["good.zip"][0] == []


def test_nothing_is_written(files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(files["up and out"].parent.iterdir())
    for case in ("up and out", "from the root", "a symbolic link", "a program"):
        assert check(files[case]).errors
    assert list(tmp_path.iterdir()) == []
    assert sorted(files["up and out"].parent.iterdir()) == before


def test_as_typed(files: dict[str, Path], good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = files["up and out"]
    assert main(["validate", str(bad), str(good)]) == 1
    first, reason, second = capsys.readouterr().out.splitlines()
    assert (first, second) == (f"{bad}: INVALID", f"{good}: valid")
    assert reason.startswith("  path  '../../etc/passwd': ")
    assert main(["validate", str(bad.with_name("none.zip")), str(bad.parent), str(good)]) == 2
    gone, folder, last = capsys.readouterr().out.splitlines()
    assert gone.startswith(f"{bad.with_name('none.zip')}: ")
    assert gone.endswith(f"there is no none.zip in {bad.parent}")
    assert folder.endswith("Is a directory")
    assert last == f"{good}: valid", "what comes behind is checked"
    assert main(["validate"]) == 2
    assert main(["validate", "--codes"]) == 0
    assert "duplicate-uid" in capsys.readouterr().out
