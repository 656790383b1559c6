"""The commit of a result."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from lmms_vg.journal import provenance


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a package that has no installation metadata."""
    package = tmp_path / "repo" / "lmms_vg"
    (package / "journal").mkdir(parents=True)
    (package / "journal" / "provenance.py").write_text("x = 1\n")
    git(package.parent, "init", "-q")
    git(package.parent, "add", ".")
    git(package.parent, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")
    monkeypatch.setattr(provenance, "__file__", str(package / "journal" / "provenance.py"))
    installed(monkeypatch, None)
    provenance.commit.cache_clear()
    return package


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=True).stdout.strip()


def installed(monkeypatch: pytest.MonkeyPatch, stated: dict | None) -> None:
    text = None if stated is None else json.dumps(stated)
    monkeypatch.setattr(metadata, "distribution", lambda _name: SimpleNamespace(read_text=lambda _file: text))
    provenance.commit.cache_clear()


def test_of_a_checkout(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    assert provenance.commit() == head
    (checkout.parent / "README").write_text("not of the package")
    provenance.commit.cache_clear()
    assert provenance.commit() == head
    (checkout / "journal" / "provenance.py").write_text("x = 2\n")
    provenance.commit.cache_clear()
    assert provenance.commit() == f"{head}-dirty"


def test_of_an_install_from_a_repository(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, {"url": "https://x", "vcs_info": {"vcs": "git", "commit_id": "abc"}})
    assert provenance.commit() == "abc"


def test_of_a_release(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(checkout.parent / ".git")
    assert provenance.commit() is None
    installed(monkeypatch, {"url": "file:///x", "dir_info": {"editable": True}})
    assert provenance.commit() is None


def test_without_git(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    provenance.commit.cache_clear()
    assert provenance.commit() is None


def test_of_a_checkout_that_is_only_on_the_path(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "distribution", missing)
    provenance.commit.cache_clear()
    assert provenance.commit() == git(checkout, "rev-parse", "HEAD")
