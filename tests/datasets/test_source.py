"""Locate files: the local folder, the hub, and the message for a missing file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError

from lmms_vg.datasets import source
from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import (
    DataError,
    DataMissing,
    locate,
    locate_all,
    locate_root,
    missing,
    revision_read,
    safe_path,
)
from lmms_vg.tasks.catalogue import specs

SPEC = DatasetSpec(name="toy", hub_id="someone/Toy", licence="CC0", files={"a.json": "about 3 MB"})


@pytest.fixture(autouse=True)
def fresh_downloads() -> Iterator[None]:
    source._download.cache_clear()
    source._download_all.cache_clear()
    yield
    source._download.cache_clear()
    source._download_all.cache_clear()


def test_local_file_goes_by_any_of_its_names(data: Path) -> None:
    (data / "toy").mkdir()
    (data / "toy" / "b.json").write_text("[]")
    assert locate(SPEC, "a.json", "b.json") == data / "toy" / "b.json"


def test_a_local_folder_never_falls_back_to_the_hub(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: pytest.fail("asked the hub"))
    with pytest.raises(DataMissing):
        locate(SPEC, "a.json")


def test_message_says_what_is_missing_and_how_to_get_it(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with pytest.raises(DataMissing) as caught:
        locate(SPEC, "a.json")
    message = str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert "hf download someone/Toy a.json --repo-type dataset --local-dir $LMMS_VG_DATA/toy" in message
    for part in ("a.json (about 3 MB)", "https://huggingface.co/datasets/someone/Toy", "CC0", str(data / "toy")):
        assert part in message
    assert "hf_secret" not in message


def test_message_names_the_commands_that_get_and_list_the_rest() -> None:
    message = str(missing(SPEC, "a.json", ""))
    assert "`lmms-vg data fetch toy`" in message
    assert "`lmms-vg data status`" in message


def test_message_pins_the_revision() -> None:
    pinned = SPEC.model_copy(update={"revision": "abc123"})
    assert "--revision abc123" in str(missing(pinned, "a.json", ""))


def test_hub_is_asked_once_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(repo: str, name: str, *, repo_type: str, revision: str | None) -> str:
        asked.append((repo, name, repo_type, revision))
        return f"/cache/{name}"

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert locate(SPEC, "a.json") == locate(SPEC, "a.json") == Path("/cache/a.json")
    assert asked == [("someone/Toy", "a.json", "dataset", None)]


def test_hub_knows_the_file_by_its_other_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(_repo: str, name: str, **_: object) -> str:
        if name == "a.json":
            raise LocalEntryNotFoundError("not here")
        return f"/cache/{name}"

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert locate(SPEC, "a.json", "b.json") == Path("/cache/b.json")


@pytest.mark.parametrize("error", [LocalEntryNotFoundError("token hf_secret"), ConnectionError("token hf_secret")])
def test_what_the_hub_refuses_is_missing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr("huggingface_hub.hf_hub_download", refuse)
    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    for find in (lambda: locate(SPEC, "a.json"), lambda: locate_root(SPEC)):
        with pytest.raises(DataMissing, match=type(error).__name__) as caught:
            find()
        assert "LMMS_VG_DATA is not set" in str(caught.value)
        assert "hf_secret" not in str(caught.value)


def test_whole_data_set_in_its_folder(data: Path) -> None:
    with pytest.raises(DataMissing, match="no folder"):
        locate_root(SPEC)
    (data / "toy").mkdir()
    assert locate_root(SPEC) == data / "toy"


@pytest.mark.parametrize(("path", "plain"), [("a/b.jpg", "a/b.jpg"), ("./a//b.jpg", "a/b.jpg"), ("a..b/c", "a..b/c")])
def test_safe_path_keeps_plain_paths(path: str, plain: str) -> None:
    assert safe_path(path) == plain


@pytest.mark.parametrize("path", ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "C:x", "c:/x", "a\\..\\x", "a\0b"])
def test_safe_path_refuses_ways_out(path: str) -> None:
    with pytest.raises(DataError, match="leads out"):
        safe_path(path)


PINNED = SPEC.model_copy(update={"revision": "abc1230000"})


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the toy set's snapshots in a hub cache, offline."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub" / "datasets--someone--Toy" / "snapshots"


def put_snapshot(cache: Path, revision: str) -> Path:
    (cache / revision).mkdir(parents=True)
    (cache / revision / "a.json").write_text("[]")
    (cache.parent / "refs").mkdir(exist_ok=True)
    (cache.parent / "refs" / "main").write_text(revision)
    return cache / revision


def test_the_pinned_revision_is_read_from_the_cache(cache: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    pinned = SPEC.model_copy(update={"revision": commit})
    put_snapshot(cache, commit)
    put_snapshot(cache, "f" * 40)
    assert locate(pinned, "a.json") == cache / commit / "a.json"
    assert locate(SPEC, "a.json") == cache / ("f" * 40) / "a.json", "not pinned: the newest known"
    assert locate_root(pinned) == cache / commit
    assert revision_read(pinned) == commit


def test_another_cached_revision_is_told_with_the_ways_on(cache: Path) -> None:
    """It was used before the revision was pinned, so the message must mention it."""
    old = put_snapshot(cache, "f" * 40)
    for find in (lambda: locate(PINNED, "a.json"), lambda: locate_root(PINNED), lambda: locate_all(PINNED, "*.json")):
        with pytest.raises(DataMissing) as caught:
            find()
        assert "revision ffffffff, but this version reads abc1230000" in str(caught.value)
        assert f'ln -s "{old}" "$LMMS_VG_DATA/toy"' in str(caught.value)


def test_linked_as_told_another_revision_is_read(cache: Path, data: Path) -> None:
    (data / "toy").symlink_to(put_snapshot(cache, "f" * 40))
    assert locate(PINNED, "a.json").read_text() == "[]"
    assert revision_read(PINNED) is None, "nothing says of which revision a folder is"
    with pytest.raises(DataMissing) as caught:
        locate(PINNED, "b.json")
    assert "revision ffffffff" not in str(caught.value), "the cache is not what is read"


def test_revisions_are_pinned_where_they_are_known() -> None:
    pins = {spec.name: spec.revision for spec in specs().values() if spec.revision}
    assert pins == {
        "omnimedvqa": "1ba51c28fc0773bdf7efb8396e5bcfd4227e22da",
        "path_vqa": "1685832883334b5bb5beaf4e4b333fdeecaa4ad9",
        "mmmu": "98e6ac0cb9b7b2cd2c991b85a50762edc4aedc68",
    }
