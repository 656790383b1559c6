"""Reading files in place: folders, zips, threads, forks, broken archives."""

import multiprocessing
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lmms_vg.datasets import archives
from lmms_vg.datasets.archives import open_archive, read_file
from lmms_vg.datasets.source import DataError


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


@pytest.mark.parametrize("member", ["imgs/a/x.jpg", "a/x.jpg"])
@pytest.mark.parametrize("path", ["imgs/a/x.jpg", "a/x.jpg"])
def test_top_folder_is_optional_in_member_and_path(tmp_path: Path, member: str, path: str) -> None:
    make_zip(tmp_path / "imgs.zip", {member: b"pixels"})
    assert read_file(tmp_path, path) == b"pixels"


@pytest.mark.parametrize("file", ["imgs/a/x.jpg", "a/x.jpg"])
@pytest.mark.parametrize("path", ["imgs/a/x.jpg", "a/x.jpg"])
def test_extracted_files_come_before_archives(tmp_path: Path, file: str, path: str) -> None:
    make_zip(tmp_path / "imgs.zip", {"imgs/a/x.jpg": b"zipped"})
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_bytes(b"extracted")
    assert read_file(tmp_path, path, folder="imgs") == b"extracted"


def test_every_archive_is_searched_and_nothing_is_none(tmp_path: Path) -> None:
    make_zip(tmp_path / "KG.zip", {"graph.csv": b""})
    make_zip(tmp_path / "imgs.zip", {"a.jpg": b"a"})
    assert read_file(tmp_path, "a.jpg") == b"a"
    assert read_file(tmp_path, "b.jpg") is None
    assert read_file(tmp_path / "nowhere", "b.jpg") is None


def test_archive_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    class Counting(zipfile.ZipFile):
        def __init__(self, path: Path) -> None:
            opened.append(path)
            super().__init__(path)

    monkeypatch.setattr(archives, "ZipFile", Counting)
    path = make_zip(tmp_path / "imgs.zip", {"a": b"1", "b": b"2"})
    assert [read_file(tmp_path, name) for name in "abab"] == [b"1", b"2", b"1", b"2"]
    assert opened == [path]


def test_threads_read_one_archive_at_once(tmp_path: Path) -> None:
    members = {f"{number}.bin": bytes([number]) * 50_000 + os.urandom(50_000) for number in range(40)}
    make_zip(tmp_path / "imgs.zip", members)
    names = [name for name in members for _ in range(5)]
    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(lambda name: read_file(tmp_path, name), names))
    assert all(content == members[name] for name, content in zip(names, contents, strict=True))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
def test_forked_child_opens_its_own(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "imgs.zip", {"a": b"1"})
    forking = multiprocessing.get_context("fork")
    with open_archive(path)._lock:  # as if another thread of the parent were reading
        child = forking.Process(target=read_file, args=(tmp_path, "a"))
        child.start()
        child.join(20)
        stuck = child.is_alive()
        child.kill()
    assert not stuck
    assert child.exitcode == 0


def test_what_is_no_zip_is_named(tmp_path: Path) -> None:
    (tmp_path / "imgs.zip").write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match=r"imgs\.zip.*incomplete"):
        read_file(tmp_path, "a.jpg")


def test_damaged_member_is_named(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "imgs.zip", {"a.jpg": b"0123456789" * 100})
    content = bytearray(path.read_bytes())
    content[45] ^= 0xFF  # in the compressed data, behind a header of 30 + 5 bytes
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"member a\.jpg"):
        read_file(tmp_path, "a.jpg")
