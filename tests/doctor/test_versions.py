"""Versions of Python and lmms_vg in invented environments, and the output of `pip check`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from lmms_vg import __version__
from lmms_vg.doctor import versions

Checked = Callable[[int, str, str], list[list[str]]]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Name -> version, for the test to change."""
    versions_here = {"lmms-vg": __version__, "lmms-eval": "0.7.3", "torch": "2.14.1+cu130"}

    def find(name: str) -> str:
        if name not in versions_here:
            raise PackageNotFoundError(name)
        return versions_here[name]

    fake = SimpleNamespace(
        PackageNotFoundError=PackageNotFoundError,
        version=find,
        metadata=lambda name: {"Requires-Python": ">=3.10,<3.13"} if find(name) else {},
    )
    monkeypatch.setattr(versions, "metadata", fake)
    return versions_here


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Checked:
    """Makes commands end with a status, output and errors; returns the commands that were run."""

    def answer(status: int, out: str = "", err: str = "") -> list[list[str]]:
        commands: list[list[str]] = []

        def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
            commands.append(command)
            return subprocess.CompletedProcess(command, status, out, err)

        monkeypatch.setattr(versions.subprocess, "run", run)
        return commands

    return answer


def test_python(installed: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions.platform, "python_version", lambda: "3.12.1")
    assert [(finding.mark, finding.text) for finding in versions.python()] == [("ok", "Python 3.12.1 (>=3.10,<3.13)")]
    monkeypatch.setattr(versions.platform, "python_version", lambda: "3.13.0")
    (finding,) = versions.python()
    assert (finding.mark, finding.text) == ("PROBLEM", "Python 3.13.0: lmms-vg requires >=3.10,<3.13")
    assert finding.remedy.startswith("python3.11 -m venv ")


def test_lmms_vg_itself(installed: dict[str, str]) -> None:
    assert [finding.text for finding in versions.installed()] == [f"lmms-vg {__version__}"]
    installed["lmms-vg"] = "0.0.1"
    (finding,) = versions.installed()
    assert (finding.mark, finding.text) == ("PROBLEM", f"lmms-vg is installed as 0.0.1, but its code is {__version__}")
    assert "pip install " in finding.remedy


def test_without_its_metadata_the_rest_is_looked_at(installed: dict[str, str], checked: Checked) -> None:
    del installed["lmms-vg"]
    (finding,) = versions.installed()
    assert finding.mark == "PROBLEM"
    assert finding.text.startswith("lmms-vg is not installed")
    assert [finding.mark for finding in versions.python()] == ["ok"]
    checked(0, "", "")
    assert [finding.mark for finding in versions.distributions()] == ["ok", "ok"]


def test_what_is_missing_is_named(installed: dict[str, str], checked: Checked) -> None:
    checked(1, "lmms-eval 0.7.3 requires transformers, which is not installed.\n", "")
    shown, missing = versions.distributions()
    assert "lmms-eval 0.7.3, torch 2.14.1+cu130, torchvision is missing" in shown.text
    assert (missing.mark, "requires transformers, which is not installed" in missing.text) == ("PROBLEM", True)
    assert "pip install " in missing.remedy


def test_an_environment_that_uv_made_has_no_pip(checked: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "find_spec", lambda name: None)
    monkeypatch.setattr(versions.shutil, "which", {"uv": "/bin/uv"}.get)
    commands = checked(1, "", "Found 1 incompatibility")
    assert "Found 1 incompatibility" in list(versions.distributions())[1].text
    assert commands == [["/bin/uv", "pip", "check", "--python", sys.executable]]
    monkeypatch.setattr(versions.shutil, "which", lambda name: None)
    finding = list(versions.distributions())[1]
    assert (finding.mark, finding.remedy) == ("note", f'"{sys.executable}" -m ensurepip')
    assert len(commands) == 1


@pytest.mark.e2e
def test_this_environment() -> None:
    assert [finding.mark for finding in versions.distributions()] == ["ok", "ok"]
