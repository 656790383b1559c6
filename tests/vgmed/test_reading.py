"""Units are read by one process or two, a build that is stopped goes on, and the data set is the same every time."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import commands
import numpy as np
import pytest
import vgmed_sources as sources

from lmms_vg.datasets.source import DataError
from lmms_vg.host.stopping import Stopped
from lmms_vg.journal.location import home
from lmms_vg.vgmed.build import READ, build
from lmms_vg.vgmed.frames import Tally
from lmms_vg.vgmed.reading_units import ReadingUnit, UnitReader
from lmms_vg.vgmed.schema import DatasetCard


def made(out: Path, manifests: list[Path], **changes: Any) -> tuple[DatasetCard, dict[str, Tally]]:
    return build(manifests, out, **{"name": "made", "seed": 0, "most": None} | changes)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def manifests(tmp_path: Path) -> list[Path]:
    """Two sources with an image in common, a broken mask and an unknown label."""
    sources.label_maps(tmp_path / "a", n=9)
    sources.label_maps(tmp_path / "b", n=9, first=8)
    (tmp_path / "a" / "masks" / "p3.png").write_bytes(b"no picture")
    sources.picture(tmp_path / "b" / "masks" / "p12.png", np.full((30, 40), 9, np.uint8))
    return [sources.manifest(tmp_path / name / f"{name}.yaml") for name in "ab"]


def interrupt() -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


def stopped_after(monkeypatch: pytest.MonkeyPatch, number: int, stop: Callable[[], None] = interrupt) -> list[str]:
    """Let the reader stop after so many units; returns the images that it is given."""
    read = UnitReader.__call__
    seen: list[str] = []

    def stopping(self: UnitReader, unit: ReadingUnit) -> bytes:
        seen.append(unit.files.image)
        if len(seen) == number + 1:
            stop()
        return read(self, unit)

    monkeypatch.setattr(UnitReader, "__call__", stopping)
    return seen


@pytest.mark.parametrize("most", [None, 5])
def test_two_processes_give_the_bytes_and_the_words_of_one(
    tmp_path: Path, manifests: list[Path], most: int | None
) -> None:
    card, alone = made(tmp_path / "x", manifests, processes=1, most=most)
    same, shared = made(tmp_path / "y", manifests, processes=2, most=most)
    assert content(tmp_path / "x") == content(tmp_path / "y")
    assert card == same
    for name, tally in alone.items():
        assert tally.problems == shared[name].problems
        assert tally.dropped == shared[name].dropped
    assert alone["a"].dropped["mask cannot be read"] == 1
    assert {"same image as in a", "label is not in the manifest"} <= set(alone["b"].dropped)


def test_a_build_that_was_stopped_goes_on(
    tmp_path: Path, manifests: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "x", manifests)
    with monkeypatch.context() as patch:
        stopped_after(patch, 5)
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path / "y", manifests)
    assert len((tmp_path / "y" / READ).read_bytes().splitlines()) == 5
    seen = stopped_after(monkeypatch, 99)
    made(tmp_path / "y", manifests)
    assert len(seen) == 18 - 5
    assert content(tmp_path / "x") == content(tmp_path / "y")


def test_what_has_changed_since_is_read_again(
    tmp_path: Path, manifests: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stopped_after(patch, 10)
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path / "y", manifests)
    (tmp_path / "a" / "masks" / "p3.png").unlink()
    sources.picture(tmp_path / "a" / "masks" / "p3.png", np.full((30, 40), 2, np.uint8))
    made(tmp_path / "x", manifests)
    with (tmp_path / "y" / READ).open("ab") as file:
        file.write(b'{"source":')  # a line that was cut off
    seen = stopped_after(monkeypatch, 99)
    made(tmp_path / "y", manifests)
    assert seen[0] == "images/p3.png"
    assert len(seen) == 18 - 3
    assert content(tmp_path / "x") == content(tmp_path / "y")


def test_an_image_that_is_gone_is_written_again(
    tmp_path: Path, manifests: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stopped_after(patch, 3)
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path / "y", manifests)
    for path in (tmp_path / "y" / "images").iterdir():
        path.unlink()
    made(tmp_path / "x", manifests)
    made(tmp_path / "y", manifests)
    assert content(tmp_path / "x") == content(tmp_path / "y")


def test_another_manifest_begins_anew(tmp_path: Path, manifests: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        stopped_after(patch, 5)
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path / "y", manifests)
    sources.manifest(manifests[0], body_part="Thorax")
    seen = stopped_after(monkeypatch, 99)
    card, _ = made(tmp_path / "y", manifests)
    assert len(seen) == 18
    assert card.counts["items"] == 2 * 17 - 2 - 2


def test_sigterm_ends_behind_the_unit(tmp_path: Path, manifests: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    stopped_after(monkeypatch, 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Stopped) as stopped:
        made(tmp_path / "y", manifests)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert len((tmp_path / "y" / READ).read_bytes().splitlines()) == 6


#: Images of a build that is still reading when a signal arrives.
MANY = 160


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """The manifest of a source of many images, and what a build of it writes that nobody stops."""
    folder = tmp_path_factory.mktemp("long")
    pixels = np.zeros((300, 400, 3), np.uint8)
    labels = np.zeros((300, 400), np.uint8)
    labels[50:150, 40:200] = 1
    for image in range(MANY):
        pixels[0, :9] = image, 0, 0
        sources.picture(folder / "a" / "images" / f"q{image}.png", pixels)
        sources.picture(folder / "a" / "masks" / f"q{image}.png", labels)
    path = sources.manifest(folder / "a" / "a.yaml")
    made(folder / "x", [path], processes=1)
    return path, content(folder / "x")


@pytest.mark.e2e
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_both_processes_and_the_next_run_goes_on(
    tmp_path: Path, long: tuple[Path, dict[str, bytes]], number: signal.Signals, status: int
) -> None:
    path, whole = long
    building = ("vgmed", "build", str(path), "-o", str(tmp_path / "y"), "--name", "made")
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell lets programs in the background ignore it
    program = commands.start(tmp_path / "home", *building)
    signal.signal(signal.SIGINT, before)
    until = time.monotonic() + 200
    file = tmp_path / "y" / READ
    while not (file.is_file() and file.stat().st_size) and program.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    program.send_signal(number)
    _, errors = program.communicate(timeout=60)
    assert program.returncode == status
    assert "stopped; run the same command again" in errors
    assert "Traceback" not in errors
    kept = file.read_bytes()
    assert kept.endswith(b"\n")
    assert 0 < len(kept.splitlines()) < MANY
    assert commands.command(tmp_path / "home", *building).returncode == 0
    assert content(tmp_path / "y") == whole


@pytest.mark.e2e
def test_a_second_process_is_told_who_builds_here(
    tmp_path: Path, manifests: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "x", manifests)
    building = ("vgmed", "build", *map(str, manifests), "-o", str(tmp_path / "y"), "--name", "made")
    seen: list[subprocess.CompletedProcess[str]] = []
    stopped_after(monkeypatch, 3, lambda: seen.append(commands.command(home(), *building)))
    made(tmp_path / "y", manifests)
    assert seen[0].returncode == 2
    assert (
        f"{tmp_path}/y: process {os.getpid()} on {platform.node()}, which has held the lock since 20" in seen[0].stderr
    )
    assert "wait until it has ended, or choose another folder" in seen[0].stderr
    assert "Traceback" not in seen[0].stderr
    assert content(tmp_path / "x") == content(tmp_path / "y")


def test_a_build_that_was_stopped_holds_no_lock_and_leaves_only_what_it_has_read(
    tmp_path: Path, manifests: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stopped_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path / "y", manifests)
    assert {path.name for path in (tmp_path / "y").iterdir()} == {READ, "images"}
    made(tmp_path / "y", manifests)


def test_a_build_that_cannot_begin_leaves_no_folder(tmp_path: Path, manifests: list[Path]) -> None:
    for mask in manifests[0].parent.rglob("*.png"):
        mask.unlink()
    with pytest.raises(DataError):
        made(tmp_path / "y", manifests[:1])
    assert not (tmp_path / "y").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, manifests: list[Path]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file") as refused:
        made(tmp_path / "file" / "y", manifests)
    assert "LMMS_VG_HOME" not in str(refused.value)
