"""`lmms-vg data`: what is here, what is missing, and that a status downloads nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from huggingface_hub import constants
from slake_files import ROW, write_slake

import lmms_vg.tasks.catalogue
from lmms_vg.tasks.catalogue import looked_in, specs, status
from lmms_vg.tasks.registry import TASKS

SETS = {"vgmed", "slake", "vqa_rad", "path_vqa", "pmc_vqa", "omnimedvqa", "mmmu", "medical_eval", "coco"}


pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture
def shared_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Real data as LMMS_VG_DATA: LMMS_VG_SHARED_DATA, or ../shared/data next to the checkout."""
    default = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("LMMS_VG_SHARED_DATA") or default)
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not there (LMMS_VG_SHARED_DATA names it)")
    monkeypatch.setenv("LMMS_VG_DATA", str(folder))
    return folder


def blocks() -> dict[str, list[str]]:
    """Name of a data set -> the lines under its heading."""
    lines_of = {}
    for dataset in status():
        heading, *lines = dataset.lines()
        assert heading.startswith(f"{dataset.name}: http")
        lines_of[dataset.name] = [line.removeprefix("  ") for line in lines]
    return lines_of


def states() -> dict[str, str]:
    return {dataset.name: dataset.state for dataset in status()}


def test_first_line_says_where_it_looks(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked_in() == f"LMMS_VG_DATA={data}"
    monkeypatch.setenv("HOME", str(data.parent))
    monkeypatch.setenv("LMMS_VG_DATA", "~/data")
    assert looked_in() == f"LMMS_VG_DATA={data}", "as it is looked up"
    monkeypatch.setenv("LMMS_VG_DATA", "/nowhere")
    assert looked_in() == "LMMS_VG_DATA=/nowhere (no such folder)"
    for unset in (lambda: monkeypatch.setenv("LMMS_VG_DATA", ""), lambda: monkeypatch.delenv("LMMS_VG_DATA")):
        unset()
        assert looked_in() == "LMMS_VG_DATA is not set; looking in the hub's cache only"


def test_every_set_says_which_tasks_need_it(data: Path) -> None:
    """Written out: the groups whose tasks all read it, and the tasks outside these groups."""
    assert {name: lines[0].removeprefix("used by: ") for name, lines in blocks().items()} == {
        "vgmed": "vgmed vgmed_coco",
        "coco": "vgmed_coco",
        "vqa_rad": "vqa_rad vqa_rad_test",
        "slake": "slake slake_grounded slake_grounded_test slake_test vg_slake",
        "path_vqa": "pathvqa pathvqa_test",
        "pmc_vqa": "pmc_vqa",
        "omnimedvqa": "omnimedvqa",
        "mmmu": "mmmu_med mmmu_med_test",
        "medical_eval": "medvqa_chen medvqa_chen_greedy",
    }


@pytest.mark.parametrize("set_up", [True, False])
def test_nothing_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_up: bool) -> None:
    if set_up:
        monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "data"))
    lines_of = blocks()
    assert lines_of.keys() == specs().keys() == SETS
    assert set(states().values()) == {"missing"}
    for name, lines in lines_of.items():
        assert lines[0].startswith("used by: "), name
        files = len(specs()[name].files)
        assert all(": MISSING, " in line for line in lines[1 : files + 1]), name
        assert all(": none" in line for line in lines[files + 1 : -1]), name
        assert lines[-1] == f"get it with: lmms-vg data fetch {name}"
    assert "imgs.zip: MISSING, about 0.2 GB" in lines_of["slake"]
    assert "slake_closed: none of 2,781 expected" in lines_of["slake"]
    assert "vgmed_localization: none" in lines_of["vgmed"], "of these no number is known"
    assert not constants.HF_HUB_OFFLINE, "left as it was"
    assert not (tmp_path / "data").exists()


def test_real_data(shared_data: Path) -> None:
    before = sorted(shared_data.rglob("*"))
    lines_of = blocks()
    assert lines_of["vqa_rad"][1:] == [
        "VQA_RAD Dataset Public.json: 1.4 MB here",
        "VQA_RAD Image Folder.zip: 16.5 MB here, extracted",
        "vqa_rad_closed: 1,297 questions of 1,297 expected",
        "vqa_rad_test_closed: 272 questions of 272 expected",
        "vqa_rad_open: 949 questions of 949 expected",
        "vqa_rad_test_open: 179 questions of 179 expected",
    ]
    assert "train.json: 3.0 MB here" in lines_of["slake"]
    assert "imgs.zip: MISSING, about 0.2 GB" in lines_of["slake"]
    assert "slake_closed: 2,781 questions of 2,781 expected; images are missing" in lines_of["slake"]
    assert lines_of["slake"][-1] == "get it with: lmms-vg data fetch slake"
    assert sorted(shared_data.rglob("*")) == before


def test_wrong_count_is_shown(data: Path) -> None:
    write_slake(data / "slake")
    lines = blocks()["slake"]
    assert lines[4] == "imgs.zip: 1.5 kB here, extracted"
    assert lines[5].startswith("slake_closed: WRONG, slake closed/train: 1 questions found, 1943 expected")
    assert len(lines) == 13, "complete as far as files go, so there is nothing to get"
    assert states()["slake"] == "wrong"


def test_relaxed_count_is_shown(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    write_slake(data / "slake", rows=2)
    lines = blocks()["slake"]
    assert lines[5:7] == [
        "slake_closed: 6 questions of 2,781 expected: PARTIAL",
        "slake_test_closed: 2 questions of 416 expected: PARTIAL",
    ]
    assert lines[7].startswith("slake_open: WRONG, slake: no open question")


def test_only_a_count_that_is_off_is_partial(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no number is known, none can be wrong."""
    write_slake(data / "slake", rows=2)
    (data / "vgmed").mkdir()
    (data / "vgmed" / "VGMED_localization.jsonl").write_text("{}")
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    monkeypatch.setitem(TASKS, "slake_closed", TASKS["slake_closed"]._replace(n=6))
    lines_of = blocks()
    assert lines_of["slake"][5] == "slake_closed: 6 questions of 6 expected"
    (slake,) = (dataset for dataset in status() if dataset.name == "slake")
    assert [(count.found, count.expected, count.partial) for count in slake.counts[:2]] == [
        (6, 6, False),
        (2, 416, True),
    ]
    assert slake.folder == data / "slake"
    assert "vgmed_localization: 1 questions" in lines_of["vgmed"]


def test_other_names_will_do(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SLAKE's own archive has validate.json; its readers accept both names, so nothing is missing."""
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    write_slake(data / "slake")
    (data / "slake" / "validation.json").rename(data / "slake" / "validate.json")
    lines = blocks()["slake"]
    assert lines[2] == "validation.json: not here under this name, about 0.6 MB"
    assert lines[5] == "slake_closed: 3 questions of 2,781 expected: PARTIAL"
    assert "fetch" not in lines[-1]


def test_tasks_of_the_same_questions_are_read_once(data: Path) -> None:
    """PathVQA's test tasks have the same questions as its other tasks; and a broken file is wrong, not missing."""
    (data / "path_vqa" / "data").mkdir(parents=True)
    (data / "path_vqa" / "data" / "test-0.parquet").write_bytes(b"")
    _, first, *lines = blocks()["path_vqa"]
    assert first == "data/test-*.parquet: 0 B here"
    assert sorted(line.partition(", ")[0] for line in lines) == ["pathvqa_closed: WRONG", "pathvqa_open: WRONG"]


def test_files_that_cannot_be_read_do_not_end_the_list(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_slake(data / "slake")
    reader = TASKS["slake_closed"]._replace(load=lambda: (data / "slake").read_bytes())  # type: ignore[arg-type]
    monkeypatch.setitem(TASKS, "slake_closed", reader)
    lines_of = blocks()
    assert lines_of["slake"][5].startswith("slake_closed: WRONG, [Errno ")
    assert "coco" in lines_of


def test_a_reader_that_crashes_does_not_end_the_list(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash() -> list[object]:
        raise KeyError("question")

    write_slake(data / "slake")
    monkeypatch.setitem(TASKS, "slake_closed", TASKS["slake_closed"]._replace(load=crash))  # type: ignore[arg-type]
    lines_of = blocks()
    assert lines_of["slake"][5] == "slake_closed: WRONG, KeyError: 'question'"
    assert states()["slake"] == "wrong"
    assert lines_of.keys() == SETS


def test_questions_without_their_images_are_not_complete(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    row = ROW | {"answer_type": "OPEN", "qid": 6}
    write_slake(data / "slake", images=False)
    for name in ("train.json", "validation.json", "test.json"):
        (data / "slake" / name).write_text(json.dumps([ROW, row]))
    (slake,) = (dataset for dataset in status() if dataset.name == "slake")
    assert (slake.state, slake.remedy) == ("incomplete", "lmms-vg data fetch slake")
    assert [count.complete for count in slake.counts] == [False] * 8
    assert slake.files["imgs.zip"] is None


def test_set_without_questions_goes_by_its_files(data: Path) -> None:
    (data / "coco").mkdir()
    (data / "coco" / "val2014.zip").write_bytes(b"")
    assert blocks()["coco"][1:] == ["val2014.zip: 0 B here"]
    assert states()["coco"] == "here"


def test_everything_includes_folders(data: Path) -> None:
    (data / "vgmed" / "deep" / "down").mkdir(parents=True)
    (data / "vgmed" / "deep" / "down" / "a.png").write_bytes(b"x" * 2_500_000)
    lines = blocks()["vgmed"]
    assert lines[5] == "*: 2.5 MB here"
    assert "vgmed_localization: none" in lines


def test_cache_of_the_hub_is_read_without_asking_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers alone would ask the hub for a newer version."""
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    repository = tmp_path / "hub" / "datasets--BoKelvin--SLAKE"
    commit = "0123456789abcdef0123456789abcdef01234567"
    write_slake(repository / "snapshots" / commit, images=False)
    (repository / "snapshots" / commit / "imgs.zip").write_bytes(b"")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    lines = blocks()["slake"]
    assert lines[4:7] == [
        "imgs.zip: 0 B here",
        "slake_closed: 3 questions of 2,781 expected: PARTIAL",
        "slake_test_closed: 1 questions of 416 expected: PARTIAL",
    ]
    assert not constants.HF_HUB_OFFLINE


@pytest.mark.parametrize(
    "size", [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2.5e9, "2.5 GB"), (1.2e13, "12000.0 GB")]
)
def test_sizes(size: tuple[float, str]) -> None:
    assert lmms_vg.tasks.catalogue._size(size[0]) == size[1]


def test_status_says_what_is_pinned_and_what_of_it_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    heads = {dataset.name: next(dataset.lines()) for dataset in status()}
    assert heads["path_vqa"].endswith(", pinned to revision 16858328")
    assert heads["slake"].endswith(", not pinned: the hub's newest")
    assert heads["coco"].endswith(")"), "of no hub"
    (tmp_path / "hub" / "datasets--MMMU--MMMU" / "snapshots" / "0123456789abcdef").mkdir(parents=True)
    lines_of = blocks()
    assert lines_of["mmmu"][1] == "the hub's cache has another revision, which is not read: 01234567"
    assert lines_of["mmmu"][-1] == "get it with: lmms-vg data fetch mmmu"
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path))
    assert "another revision" not in str(blocks())
