"""Folders are tested with a file and left as they were. Root can write everywhere, so files block the path instead."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import datasets.config
import pytest
from huggingface_hub import constants

from lmms_vg.doctor import folders
from lmms_vg.doctor.check_result import CheckResult

Patch = pytest.MonkeyPatch

#: Check -> its name, the variable that moves it, and how it is moved here.
PLACES: dict[str, tuple[str, str, Callable[[Patch, Path], None]]] = {
    "answers": ("answers", "LMMS_VG_HOME", lambda patch, path: patch.setenv("LMMS_VG_HOME", str(path))),
    "data sets": ("data sets", "LMMS_VG_DATA", lambda patch, path: patch.setenv("LMMS_VG_DATA", str(path))),
    "hub": (
        "cache of the hub",
        "HF_HUB_CACHE",
        lambda patch, path: patch.setattr(constants, "HF_HUB_CACHE", str(path)),
    ),
    "datasets": (
        "cache of datasets",
        "HF_DATASETS_CACHE",
        lambda patch, path: patch.setattr(datasets.config, "HF_DATASETS_CACHE", path),
    ),
    "temporary files": ("temporary files", "TMPDIR", lambda patch, path: patch.setattr(tempfile, "tempdir", str(path))),
}


def one(findings: Iterable[CheckResult]) -> CheckResult:
    (finding,) = findings
    return finding


def look(patch: Patch, check: str, path: Path) -> CheckResult:
    PLACES[check][2](patch, path)
    return one(folders.CHECKS[check]())


@pytest.fixture(params=PLACES)
def check(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_folder_is_tested() -> None:
    assert PLACES.keys() == folders.CHECKS.keys()


def test_a_folder_that_is_there(check: str, tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2.5e9))
    (tmp_path / "f").mkdir()
    assert look(monkeypatch, check, tmp_path / "f") == ("ok", f"{PLACES[check][0]}: {tmp_path / 'f'}, 2.5 GB free", "")
    assert list((tmp_path / "f").iterdir()) == []


def test_a_folder_that_can_be_made_is_not_made(check: str, tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2.5e9))
    before = sorted(tmp_path.rglob("*"))
    finding = look(monkeypatch, check, tmp_path / "not" / "there" / "yet")
    assert finding.mark == "ok"
    assert finding.text.endswith("yet (can be created), 2.5 GB free")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("below", ["", "further/down"])
def test_a_file_in_its_place(check: str, below: str, tmp_path: Path, monkeypatch: Patch) -> None:
    (tmp_path / "file").write_text("")
    finding = look(monkeypatch, check, tmp_path / "file" / below)
    name, variable, _ = PLACES[check]
    assert finding.mark == ("note" if check == "data sets" else "PROBLEM")
    assert finding.text.startswith(f"{name}: {tmp_path / 'file' / below} cannot be written (Not a directory")
    assert finding.remedy.startswith(f"export {variable}=")
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no /proc")
def test_a_file_system_that_cannot_be_written(check: str, monkeypatch: Patch) -> None:
    """The folder exists, so its content can be read."""
    finding = look(monkeypatch, check, Path("/proc/self"))
    assert finding.mark == ("note" if check == "data sets" else "PROBLEM")
    assert "/proc/self cannot be written (" in finding.text
    assert finding.text.endswith("; it can be read, but nothing can be added") == (check == "data sets")


def test_a_full_disk_is_met_on_writing(tmp_path: Path, monkeypatch: Patch) -> None:
    """A file can be created on it; its content is buffered until it is flushed."""

    class Full(BytesIO):
        def __init__(self, dir: Path) -> None:
            super().__init__()

        def flush(self) -> None:
            if self.getvalue():
                raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", Full)
    assert "(No space left on device)" in look(monkeypatch, "answers", tmp_path).text


def test_little_space(check: str, tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0.94e9))
    finding = look(monkeypatch, check, tmp_path)
    assert finding.mark == ("note" if check == "data sets" else "PROBLEM")
    assert finding.text == f"{PLACES[check][0]}: {tmp_path}, 0.9 GB free, less than 1 GB"
    assert finding.remedy.startswith(f"export {PLACES[check][1]}=")


def test_offline_the_cache_of_the_hub_may_be_read_only(tmp_path: Path, monkeypatch: Patch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert look(monkeypatch, "hub", tmp_path / "file").mark == "note"


def test_no_folder_of_data_sets_is_no_problem(monkeypatch: Patch) -> None:
    assert one(folders.data()) == ("ok", "LMMS_VG_DATA is not set", "")


def test_what_others_put_there_meanwhile_stays(tmp_path: Path) -> None:
    with folders._created(tmp_path / "a" / "b"):
        (tmp_path / "a" / "theirs").write_text("")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "theirs"]


def test_a_folder_that_others_make_meanwhile_stays(tmp_path: Path, monkeypatch: Patch) -> None:
    make = Path.mkdir

    def slower(path: Path) -> None:
        make(path)
        raise FileExistsError(17, "File exists", str(path))

    monkeypatch.setattr(Path, "mkdir", slower)
    with folders._created(tmp_path / "a"):
        pass
    assert (tmp_path / "a").is_dir()
