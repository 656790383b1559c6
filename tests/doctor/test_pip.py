"""The commands that install into the examined environment."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import lmms_vg
from lmms_vg.doctor.pip import pip, reinstall


def test_it_is_the_pip_of_this_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/elsewhere/python")
    assert pip("check") == f'"{sys.executable}" -m pip check'
    monkeypatch.setattr(shutil, "which", lambda name: sys.executable)
    assert pip("check") == "python -m pip check"


def test_lmms_vg_comes_from_its_checkout_if_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmms_vg, "__file__", str(tmp_path / "lmms_vg" / "__init__.py"))
    assert reinstall().endswith("-m pip install --force-reinstall lmms-vg")
    (tmp_path / "pyproject.toml").touch()
    assert reinstall().endswith(f'-m pip install -e "{tmp_path}"')
