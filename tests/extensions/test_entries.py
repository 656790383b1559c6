"""Entry points are read as importlib reads them, and nothing is imported."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
from distributions import install

from lmms_vg.extensions.entries import GROUPS, entries


def read() -> set[tuple[str, str, str, str]]:
    return {(entry.kind, entry.name, entry.value, entry.distribution) for entry in entries()}


def read_by_importlib() -> set[tuple[str, str, str, str]]:
    return {
        (kind, entry.name, entry.value, entry.dist.name.replace("-", "_").lower())
        for group, kind in GROUPS.items()
        for entry in metadata.entry_points(group=group)
        if entry.dist is not None
    }


def test_as_importlib_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "a", "Theirs", {"methods:sharpen": "theirs:Sharpen", "families:qwen": "theirs:Qwen"})
    install(tmp_path / "b", "Theirs", {"methods:older": "theirs:Older"})  # shadowed by the one before it on the path
    install(tmp_path / "b", "others", {"methods:blunt": "others.blunt:Blunt", "tasks:x": "others:x"})
    for folder in ("b", "a"):
        monkeypatch.syspath_prepend(tmp_path / folder)
    assert read() == read_by_importlib()
    assert {name for _, name, _, distribution in read() if distribution != "lmms_vg"} == {"sharpen", "qwen", "blunt"}


def test_ours_are_those_of_the_project_file() -> None:
    """If this fails, the project was not installed again after the file changed."""
    tomllib = pytest.importorskip("tomllib")  # from Python 3.11 on
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    declared = {
        (GROUPS[group], name, value) for group in GROUPS for name, value in project["entry-points"][group].items()
    }
    assert {one[:3] for one in read() if one[3] == "lmms_vg"} == declared


@pytest.mark.parametrize("folder", ["theirs.egg-info", "theirs-1.0.egg-info", "Theirs-1.0.dist-info"])
def test_kinds_of_metadata(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "theirs", {"methods:sharpen": "theirs:Sharpen"})
    (tmp_path / "theirs-1.0.dist-info").rename(tmp_path / folder)
    (tmp_path / "locked-1.0.dist-info" / "entry_points.txt").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    assert ("method", "sharpen", "theirs:Sharpen", "theirs") in read()


def test_ours_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "aaa", {"methods:aaa": "aaa:Aaa"})
    monkeypatch.syspath_prepend(tmp_path)
    assert [entry.distribution for entry in entries()][-1] == "aaa"


def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "theirs", {})
    text = b"\xff\n[lmms_vg.methods]\n# a = b:c\nno value\nsharpen=theirs:Sharpen\n\n[lmms_vg.methods"
    (tmp_path / "theirs-1.0.dist-info" / "entry_points.txt").write_bytes(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert [entry[:3] for entry in entries() if entry.distribution == "theirs"] == [
        ("method", "sharpen", "theirs:Sharpen")
    ]
