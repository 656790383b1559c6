"""Read files in place: folders, zips, threads, forks, broken archives."""

from __future__ import annotations

import os
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lmms_vg.datasets import archives
from lmms_vg.datasets.archives import archive_root, list_files, open_archive, read_file, read_member, require_archive
from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import DataError, DataMissing

SPEC = DatasetSpec(name="toy", hub_id="someone/Toy", licence="CC0", files={"imgs.zip": "2 MB"})


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


@pytest.mark.slow
def test_threads_read_one_archive_at_once(tmp_path: Path) -> None:
    members = {f"{number}.bin": bytes([number]) * 50_000 + os.urandom(50_000) for number in range(40)}
    make_zip(tmp_path / "imgs.zip", members)
    names = [name for name in members for _ in range(5)]
    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(lambda name: read_file(tmp_path, name), names))
    assert all(content == members[name] for name, content in zip(names, contents, strict=True))


def test_forked_child_opens_its_own(tmp_path: Path, forked: Callable[..., int | None]) -> None:
    path = make_zip(tmp_path / "imgs.zip", {"a": b"1"})
    with open_archive(path)._lock:  # as if another thread of the parent were reading
        assert forked(read_file, tmp_path, "a") == 0


def test_what_is_no_zip_is_named(tmp_path: Path) -> None:
    (tmp_path / "imgs.zip").write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match=r"imgs\.zip.*incomplete"):
        read_file(tmp_path, "a.jpg")


def test_damaged_member_is_named(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "imgs.zip", {"a.jpg": b"0123456789" * 100})
    content = bytearray(path.read_bytes())
    content[45] ^= 0xFF  # in the compressed data, after a header of 30 + 5 bytes
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"member a\.jpg"):
        read_file(tmp_path, "a.jpg")


@pytest.mark.parametrize("keep", [0.999, 0.5, 0.0])
def test_truncated_zip_is_named(tmp_path: Path, keep: float) -> None:
    path = make_zip(tmp_path / "imgs.zip", {f"{number}.jpg": os.urandom(50) for number in range(50)})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(DataError, match=r"imgs\.zip.*incomplete"):
        read_file(tmp_path, "0.jpg")


def test_encrypted_member_is_named(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "imgs.zip", {"a.jpg": b"secret"})
    content = bytearray(path.read_bytes())
    for header, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.find(header) + flags] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"imgs\.zip, member a\.jpg: .*encrypted"):
        read_file(tmp_path, "a.jpg")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_no_damage_gets_past_as_another_error(tmp_path: Path, method: int) -> None:
    """Every byte of a small zip is changed once: the content is still right or missing, or reading raises DataError."""
    path = tmp_path / "imgs.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("ä.jpg", b"0123456789")
    good = path.read_bytes()
    refused = 0
    for place in range(len(good)):
        content = bytearray(good)
        content[place] ^= 0xFF
        path.write_bytes(content)
        open_archive.cache_clear()
        try:
            assert read_file(tmp_path, "ä.jpg") in (b"0123456789", None)
        except DataError:
            refused += 1
    assert refused > len(good) // 3


@pytest.mark.parametrize("path", ["../secret.jpg", "a/../../secret.jpg", "/secret.jpg", "..\\secret.jpg", ""])
def test_names_that_lead_out_are_never_asked_for(tmp_path: Path, path: str) -> None:
    """This holds on disk and in an archive, which may hold such names."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"outside")
    make_zip(root / "imgs.zip", {path or "x": b"inside", "good.jpg": b"good"})
    for ask in (lambda: read_file(root, path), lambda: list_files(root, path, ".jpg")):
        with pytest.raises(DataError, match="leads out"):
            ask()
    assert read_file(root, "good.jpg") == b"good"
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["imgs.zip", "root", "secret.jpg"]


def test_windows_paths_are_paths(tmp_path: Path) -> None:
    make_zip(tmp_path / "imgs.zip", {"imgs\\a\\x.jpg": b"pixels"})
    assert read_file(tmp_path, "a/x.jpg") == b"pixels"


def test_zip64(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "imgs.zip", "w") as file,
        file.open("imgs/a.jpg", "w", force_zip64=True) as member,
    ):
        member.write(b"large")
    assert read_file(tmp_path, "a.jpg") == b"large"


def test_one_top_folder_of_another_name_is_optional(tmp_path: Path) -> None:
    make_zip(tmp_path / "images_2.zip", {"figures/": b"", "figures/a.jpg": b"a", "__MACOSX/figures/._a.jpg": b"junk"})
    assert read_file(tmp_path, "a.jpg") == read_file(tmp_path, "figures/a.jpg") == b"a"
    assert read_file(tmp_path, "._a.jpg") is None


def test_of_several_top_folders_none_is(tmp_path: Path) -> None:
    """The same name may be in a folder and in a zip."""
    make_zip(tmp_path / "images.zip", {"AMOS/a.jpg": b"a", "MSD/b.jpg": b"b"})
    make_zip(tmp_path / "more.zip", {"AMOS/c.jpg": b"c", "d.jpg": b"d"})
    assert [read_file(tmp_path, path) for path in ("a.jpg", "b.jpg", "c.jpg")] == [None] * 3
    assert [read_file(tmp_path, path) for path in ("AMOS/a.jpg", "AMOS/c.jpg", "d.jpg")] == [b"a", b"c", b"d"]


@pytest.mark.parametrize("top", ["", "Set/", "Other/"])
def test_list_of_a_folder_in_an_archive(tmp_path: Path, top: str) -> None:
    inside = ("qa/b.json", "qa/a.json", "qa/._a.json", "qa/a.txt", "qa/deep/c.json", "d.json", "xqa/e.json")
    make_zip(tmp_path / "Set.zip", {f"{top}{name}": name.encode() for name in inside})
    assert list_files(tmp_path, "qa", ".json") == ["qa/a.json", "qa/b.json"]
    assert [read_file(tmp_path, name) for name in list_files(tmp_path, "qa", ".json")] == [b"qa/a.json", b"qa/b.json"]
    assert list_files(tmp_path, "nowhere", ".json") == []


@pytest.mark.parametrize("top", ["", "Set/"])
def test_list_of_an_extracted_folder_is_not_mixed_with_archives(tmp_path: Path, top: str) -> None:
    make_zip(tmp_path / "Set.zip", {"Set/qa/a.json": b"", "Set/qa/b.json": b""})
    (tmp_path / top / "qa" / "deep").mkdir(parents=True)
    for name in ("b.json", "c.json", "._b.json", "b.txt", "deep/d.json"):
        (tmp_path / top / "qa" / name).write_text("")
    assert list_files(tmp_path, "qa", ".json", folder="Set") == ["qa/b.json", "qa/c.json"]


@pytest.mark.slow
def test_index_of_many_members_is_quick_and_small(tmp_path: Path) -> None:
    """The limit is, scaled to 100,000 members, a minute and 300 MB; measured are .5 s and 70 MB."""
    path = make_zip(tmp_path / "imgs.zip", {f"Images/Some Data Set/train/class/{n:07}.png": b"x" for n in range(5000)})
    start = time.perf_counter()
    open_archive(path)
    assert time.perf_counter() - start < 60 / 20
    open_archive.cache_clear()
    tracemalloc.start()
    archive = open_archive(path)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 300e6 / 20
    assert archive.read("Images/Some Data Set/train/class/0004999.png") == b"x"


@pytest.mark.parametrize("place", ["imgs/a.jpg", "figures/a.jpg", "a.jpg", "imgs.zip:figures/a.jpg", "1.zip:a.jpg"])
def test_what_an_archive_is_published_with(data: Path, lay: Callable[[str, bytes], None], place: str) -> None:
    with pytest.raises(DataMissing, match=r"toy: missing imgs\.zip \(2 MB\)"):
        require_archive(SPEC, "imgs.zip", "imgs", "figures", "*.jpg")
    lay(f"toy/{place}", b"pixels")
    require_archive(SPEC, "imgs.zip", "imgs", "figures", "*.jpg")
    assert read_member(SPEC, "imgs.zip", "a.jpg", "imgs", "figures") == b"pixels"
    with pytest.raises(DataMissing, match=r"b\.jpg .*'imgs' or 'figures' .*toy\."):
        read_member(SPEC, "imgs.zip", "b.jpg", "imgs", "figures")


def test_what_is_no_image_does_not_stand_for_the_archive(lay: Callable[[str, bytes], None]) -> None:
    lay("toy/README.md", b"")
    lay("toy/other/a.jpg", b"")
    with pytest.raises(DataMissing, match=r"missing imgs\.zip"):
        require_archive(SPEC, "imgs.zip", "imgs", "*.jpg")


def test_without_a_data_folder_the_archive_comes_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "imgs.zip", {"imgs/a.jpg": b"pixels"})
    asked = []
    monkeypatch.setattr(archives, "locate", lambda *names: asked.append(names) or path)
    require_archive(SPEC, "imgs.zip", "imgs")
    assert read_member(SPEC, "imgs.zip", "a.jpg", "imgs") == b"pixels"
    assert archive_root(SPEC, "imgs.zip") == tmp_path
    assert asked == [(SPEC, "imgs.zip")] * 3
