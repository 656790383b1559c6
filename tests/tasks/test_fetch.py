"""`data fetch`: what is asked of whom, where it goes, and what is said when it cannot be had."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from slake_files import write_slake

import lmms_vg.tasks.catalogue
from lmms_vg.cli.main import main
from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import DataError
from lmms_vg.tasks import yaml_files
from lmms_vg.tasks.catalogue import fetch, specs
from lmms_vg.tasks.registry import TASKS

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A hub that has every requested file; returns the calls."""
    calls: list[dict[str, Any]] = []

    def snapshot_download(repo_id: str, *, local_dir: Path, allow_patterns: list[str], **options: Any) -> str:
        calls.append({"repo_id": repo_id, "local_dir": local_dir, "allow_patterns": allow_patterns, **options})
        for file in (local_dir / pattern.replace("*", "1") for pattern in allow_patterns):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
        return str(local_dir)

    monkeypatch.setattr(lmms_vg.tasks.catalogue, "snapshot_download", snapshot_download)
    return calls


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """The URLs requested outside the hub."""
    calls: list[tuple[str, Path]] = []
    monkeypatch.setattr(lmms_vg.tasks.catalogue, "download", lambda url, path: calls.append((url, path)))
    return calls


def test_fetch_asks_each_source_for_its_own_files(
    data: Path, hub: list[dict[str, Any]], fetched: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = {"extra.zip": "http://example.org/1"}
    files = {"a-*.json": "1 MB", "extra.zip": "1 MB"}
    both = DatasetSpec(name="both", hub_id="x/both", revision="v2", licence="CC0", files=files, urls=urls)
    monkeypatch.setattr(lmms_vg.tasks.catalogue, "specs", lambda: {"both": both} | specs())
    assert list(fetch(["both"]))[-1] == f"both is in {data / 'both'}"
    assert hub == [
        {
            "repo_id": "x/both",
            "repo_type": "dataset",
            "revision": "v2",
            "local_dir": data / "both",
            "allow_patterns": ["a-*.json"],
        }
    ]
    assert fetched == [("http://example.org/1", data / "both" / "extra.zip")]
    list(fetch(["vqa_rad"]))
    assert len(hub) == 1, "nothing of it is on the hub"
    assert [path.name for _, path in fetched[1:]] == ["VQA_RAD Dataset Public.json", "VQA_RAD Image Folder.zip"]


def test_fetch_says_what_goes_where_before_it_asks(
    data: Path, hub: list[dict[str, Any]], fetched: list[tuple[str, Path]]
) -> None:
    lines = fetch(["coco", "slake"])
    assert [next(lines), next(lines)] == [
        f"coco goes to {data}/coco: val2014.zip (about 6 GB)",
        f"slake goes to {data}/slake: train.json (about 3 MB), validation.json (about 0.6 MB), "
        "test.json (about 0.6 MB), imgs.zip (about 0.2 GB)",
    ]
    assert (hub, fetched) == ([], [])
    assert list(lines) == [f"coco is in {data}/coco", f"slake is in {data}/slake"]


@pytest.mark.parametrize(
    ("names", "sets"),
    [
        (["slake_closed"], "slake"),
        (["vg_slake", "slake", "slake_test_open"], "slake"),
        (["medvqa"], "vqa_rad slake path_vqa pmc_vqa"),
        (["mmmu_med"], "mmmu"),
        (["vqa_rad_chen", "medvqa_chen_greedy"], "medical_eval"),
        (["vgmed"], "vgmed"),
        (["vgmed_coco_attribute"], "vgmed coco"),
        (["coco", "vgmed_coco"], "coco vgmed"),
        (["vqa_demo", "vgmed_demo"], ""),
        (["vqa_demo", "mmmu"], "mmmu"),
    ],
)
def test_fetch_takes_tasks_and_groups(
    data: Path, hub: list[dict[str, Any]], fetched: list[tuple[str, Path]], names: list[str], sets: str
) -> None:
    """Each data set once, in the order of the names."""
    lines = list(fetch(names))
    assert [line.split()[0] for line in lines if " is in " in line] == sets.split()
    assert [line for line in lines if "no files" in line] == [
        f"{name} needs no files" for name in names if "demo" in name
    ]
    asked = {call["local_dir"].name for call in hub} | {path.parent.name for _, path in fetched}
    assert asked == set(sets.split())


def test_a_name_of_a_set_and_of_a_group_is_the_same_data() -> None:
    groups = yaml_files.groups()
    both = specs().keys() & (groups.keys() | TASKS.keys())
    assert both == {"vgmed", "vqa_rad", "slake", "pmc_vqa", "omnimedvqa"}
    for name in both:
        assert {TASKS[task].spec.name for task in groups.get(name, [name])} == {name}


@pytest.mark.parametrize("below", ["slake", "slake/imgs.zip"])
def test_disk_that_cannot_be_written_is_not_blamed_on_the_hub(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], below: str
) -> None:
    """A file is in the place of the folder, or the hub's client fails because of it."""

    def snapshot_download(*_: Any, local_dir: Path, **__: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", str(local_dir / "imgs.zip"))

    monkeypatch.setattr(lmms_vg.tasks.catalogue, "snapshot_download", snapshot_download)
    if below == "slake":
        (data / "slake").write_bytes(b"")
    assert main(["data", "fetch", "slake"]) == 2
    reason = "File exists" if below == "slake" else "No space left on device"
    message = f"lmms-vg: {data / below} cannot be written ({reason}): LMMS_VG_DATA must be a writable folder\n"
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("here", [False, True])
def test_fetch_without_network_is_one_line(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], here: bool
) -> None:
    """If part of it is here, the hub's client itself would only warn and report success."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    if here:
        write_slake(data / "slake", images=False)
    assert main(["data", "fetch", "slake"]) == 2
    shown = capsys.readouterr().err.splitlines()
    assert [line for line in shown if line.startswith("lmms-vg: slake: the hub did not give ")] == shown[-1:]
    assert ("imgs.zip of BoKelvin/SLAKE; is there a network?" in shown[-1]) == here


def test_any_error_of_the_hubs_client_is_ours(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Timeout(Exception): ...

    def snapshot_download(*_: Any, **__: Any) -> str:
        raise Timeout

    monkeypatch.setattr(lmms_vg.tasks.catalogue, "snapshot_download", snapshot_download)
    with pytest.raises(DataError, match=r"slake: the hub did not give BoKelvin/SLAKE: Timeout$"):
        list(fetch(["slake"]))


def test_fetch_needs_a_known_name_and_a_folder(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = "vgmed, coco, vqa_rad, slake, path_vqa, pmc_vqa, omnimedvqa, mmmu, medical_eval"
    allowed = rf"data set 'SLAKE': allowed is {known}, or the name of a task or group \(see lmms-vg tasks\)$"
    with pytest.raises(ValueError, match=allowed):
        next(fetch(["slake", "vqa_demo", "SLAKE"]))
    monkeypatch.delenv("LMMS_VG_DATA")
    with pytest.raises(ValueError, match="LMMS_VG_DATA is not set: export it as the folder"):
        list(fetch(["slake"]))
