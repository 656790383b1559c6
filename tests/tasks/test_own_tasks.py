"""Own questions as tasks of lmms-eval: their names, their YAML files, and that nothing takes them for a benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest
from hosting import manager
from own_files import IMAGE, ROW, write

from lmms_vg import plugin
from lmms_vg.cli.main import main
from lmms_vg.datasets.own_images import OWN_ENV
from lmms_vg.datasets.source import DataError
from lmms_vg.plugin import TASK_FOLDER
from lmms_vg.tasks import own_tasks, registry
from lmms_vg.tasks.documents import patient_of
from lmms_vg.tasks.own_tasks import KINDS, folder

PLAIN = {"image": IMAGE, "question": "Is it?"}
ALL = [
    PLAIN | {"answer": "a", "options": ["CT", "MRI"]},
    PLAIN | {"answer": "yes"},
    PLAIN | {"answer": "left"},
    ROW | {"group": "hard", "patient": "A"},
    ROW | {"answer": "b", "options": ["CT", "MRI"]},
    ROW | {"answer": "no"},
    ROW | {"answer": "left"},
]


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a row of every kind, which is what `LMMS_VG_OWN` names."""
    path = write(tmp_path / "data", *ALL)
    monkeypatch.setenv(OWN_ENV, str(path))
    return path


@pytest.mark.usefixtures("mine")
def test_every_kind_is_a_task_and_the_file_is_a_group() -> None:
    tasks = [f"own_mine_{kind}" for kind in KINDS]
    assert list(own_tasks.own_tasks()) == tasks
    assert own_tasks.own_groups() == {"own": tasks, "own_mine": tasks}


def test_several_files_are_groups_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write(tmp_path, ROW, name=name) for name in ("a.jsonl", "b c.jsonl")]
    monkeypatch.setenv(OWN_ENV, ":".join(map(str, paths)))
    assert own_tasks.own_groups() == {
        "own": ["own_a_grounding", "own_b_c_grounding"],
        "own_a": ["own_a_grounding"],
        "own_b_c": ["own_b_c_grounding"],
    }


def test_a_file_that_is_named_like_a_part_of_another_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write(tmp_path, ROW, name=name) for name in ("a.jsonl", "a_grounding.jsonl")]
    monkeypatch.setenv(OWN_ENV, ":".join(map(str, paths)))
    with pytest.raises(DataError, match="own_a_grounding: would be both"):
        own_tasks.own_tasks()


def test_a_file_without_anything_to_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OWN_ENV, str(write(tmp_path, PLAIN)))
    with pytest.raises(DataError, match="no row has an answer, bbox or mask"):
        own_tasks.own_tasks()


@pytest.mark.slow
@pytest.mark.usefixtures("mine")
def test_lmms_eval_reads_what_is_written_and_makes_documents_of_it() -> None:
    before = {path: path.stat().st_mtime_ns for path in TASK_FOLDER.rglob("*")}
    written = folder()
    assert {path: path.stat().st_mtime_ns for path in TASK_FOLDER.rglob("*")} == before, (
        "nothing is written into the package"
    )
    assert folder() == written, "the same files have the same folder"
    tasks = manager(str(written)).load_task_or_group([f"own_mine_{kind}" for kind in KINDS])
    assert len(tasks) == len(KINDS)
    for number, kind in enumerate(KINDS):
        task = tasks[f"own_mine_{kind}"]
        (doc,) = task.eval_docs
        assert doc["question"] == ALL[number]["question"]
        assert (doc["answer"] or "x") in task.doc_to_text(doc) or kind != "choice"
        measured = {"ar", "kl", "js"} <= set(task.aggregation())
        assert measured == kind.startswith("ground")
        assert ("acc" in task.aggregation()) == kind.endswith(("choice", "closed"))
        assert bool(doc["boxes"]) == measured


def test_only_rows_that_state_them_have_group_and_patient_and_a_patient_is_one_cluster(mine: Path) -> None:
    (doc,) = own_tasks.own_mine_grounding(None)
    assert (doc["group"], doc["patient"], doc["image"]) == ("hard", "A", "own:mine/patient A")
    assert patient_of(doc) == "own:mine/patient A", "as the journal knows it"
    (doc,) = own_tasks.own_mine_closed(None)
    assert not {"group", "patient"} & doc.keys()
    assert patient_of(doc) == ""
    assert doc["image"] == f"own:mine/{IMAGE}"
    assert mine.name in doc["uid"]


@pytest.mark.usefixtures("mine")
def test_nothing_takes_them_for_a_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    assert not any(name.startswith("own") for name in registry.TASKS)
    assert main(["tasks"]) == 0
    assert "own_mine" not in capsys.readouterr().out
    with pytest.raises(AttributeError):
        _ = registry.own_mine_closed
    with pytest.raises(AttributeError):
        _ = own_tasks.own_other_closed


def test_without_own_files_there_are_no_tasks_and_no_folder(own_home: Path) -> None:
    assert own_tasks.own_groups() == own_tasks.own_tasks() == {}
    assert plugin._own_folder() == ""
    assert not own_home.exists()


def test_a_file_that_is_not_there_costs_its_tasks_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OWN_ENV, "gone.jsonl")
    assert plugin._own_folder() == ""


def test_data_check_says_what_is_wrong_and_what_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, *ALL, ROW | {"answr": "yes", "patient": "B"}, "{")
    assert main(["data", "check", str(path)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{path}, line 9: not JSON")
    assert said[1].startswith("images of several patients: 1, first")
    assert said[2].startswith("lines that ask what another asks of the same image: 1, first line 8 as line 4")
    assert said[3] == f"{path}: 8 of 9 lines are questions"
    assert said[4] == "key 'answr' is not read (1 lines); did you mean answer?"
    assert (
        "own_mine_grounding: n = 2, 1 images, 2 patients: where the model looks (AR, KL, JS, excess over chance)"
        in said
    )
    assert "own_mine_closed: n = 1, 1 images: yes or no: right or wrong" in said
    assert said[-1].startswith(f"ask them: lmms-vg run --data {path}")
    assert main(["data", "check", str(write(tmp_path, ROW))]) == 0
    assert main(["data", "check", str(tmp_path / "gone.jsonl")]) == 2
