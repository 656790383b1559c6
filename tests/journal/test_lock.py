"""The lock of a journal folder: its holder, and its state after the holder's process has ended."""

from __future__ import annotations

import errno
import os
import platform
import signal
from pathlib import Path

import pytest
from filelock import BaseFileLock
from journals import free, held

from lmms_vg.journal import JournalError
from lmms_vg.journal.lock import FolderLock


@pytest.mark.e2e
def test_another_job_is_kept_out_and_told_by_whom(tmp_path: Path) -> None:
    with held(tmp_path / "deep") as process:
        lock = FolderLock(tmp_path / "deep", "job")
        assert not lock.take()
        assert f"process {process.pid} on {platform.node()}, which has held the lock since 2" in lock.holder()


@pytest.mark.e2e
def test_a_rank_of_the_same_job_is_not_kept_out(tmp_path: Path) -> None:
    """Where hosts share the disk, the first host locks for all; releasing a lock that was not taken does nothing."""
    with held(tmp_path):
        same = FolderLock(tmp_path, "other job")
        assert same.take()
        same.release()
        assert not FolderLock(tmp_path, "job").take()


@pytest.mark.e2e
def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with held(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        lock = FolderLock(tmp_path, "job")
        assert lock.take()
        assert f"process {os.getpid()} " in lock.holder()
        lock.release()


@pytest.mark.e2e
def test_a_process_may_have_it_twice_and_gives_it_back_twice(tmp_path: Path) -> None:
    """Two models of one configuration in a notebook do not wait for each other."""
    first, second = FolderLock(tmp_path, "a"), FolderLock(tmp_path, "b")
    assert (first.take(), second.take()) == (True, True)
    first.release()
    assert free(tmp_path) == [False]
    second.release()
    assert free(tmp_path) == [True]


@pytest.mark.parametrize("note", ["", "{", "[1]", '"x"'])
def test_a_note_that_is_just_being_written(tmp_path: Path, note: str) -> None:
    (tmp_path / "holder.json").write_text(note)
    assert FolderLock(tmp_path, "job").holder() == "another process"


def test_a_file_system_without_locks_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warnings: list[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(BaseFileLock, "acquire", refuse)
    assert FolderLock(tmp_path, "job").take()
    assert ["has no locks" in said and str(tmp_path) in said for said in warnings] == [True]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=f"{tmp_path / 'file' / 'x'}.*LMMS_VG_HOME="):
        FolderLock(tmp_path / "file" / "x", "job")
