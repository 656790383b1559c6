"""The tasks as lmms-eval loads them: every YAML, the documents, the messages, and the end of a run without data."""

import math
from pathlib import Path

import pytest
from lmms_eval.tasks import TaskManager

from lmms_vg.datasets.schema import Sample
from lmms_vg.tasks import docs

MEASUREMENT = ["vgmed_localization", "vgmed_attribute", "vgmed_coco_localization", "vgmed_coco_attribute", "vgmed_demo"]
VQA = ["slake_closed", "slake_open", "vqa_demo_standard", "vqa_demo_hard"]
GROUPS = {
    "vgmed": {"vgmed_localization", "vgmed_attribute"},
    "vgmed_coco": {"vgmed_coco_localization", "vgmed_coco_attribute"},
    "slake": {"slake_closed", "slake_open"},
    "vg_slake": {"slake_closed", "slake_open"},
    "vqa_demo": {"vqa_demo_standard", "vqa_demo_hard"},
}
INSTRUCTION = "Answer the question using a single word or phrase."


def load(manager: TaskManager, name: str):
    return manager.load_task_or_group(name, task_type="chat")[name]


def test_the_folder_holds_these_tasks_and_no_others(manager: TaskManager) -> None:
    assert set(manager.all_subtasks) == {*MEASUREMENT, *VQA}
    assert set(manager.all_groups) == set(GROUPS)


@pytest.mark.parametrize("name", GROUPS)
def test_groups(manager: TaskManager, raw_data: Path, name: str) -> None:
    ((group, tasks),) = manager.load_task_or_group(name, task_type="chat").items()
    assert group.group_name == name
    assert set(tasks) == GROUPS[name]


@pytest.mark.parametrize("name", [*MEASUREMENT, *VQA])
def test_task_asks_what_its_prompt_says(manager: TaskManager, raw_data: Path, name: str) -> None:
    task = load(manager, name)
    doc = task.test_docs()[0]
    separator = " " if name in MEASUREMENT else "\n"
    ((image, text),) = (message["content"] for message in task.doc_to_messages(doc))
    assert image["type"] == "image"
    assert image["url"].mode == "RGB"
    assert image["url"].size == ((64, 64) if "demo" in name else (6, 4))
    assert text == {"type": "text", "text": f"{doc['question']}{separator}{INSTRUCTION}"}
    assert task.doc_to_target(doc) == doc["answer"]
    metadata = task.config.metadata
    assert metadata["reference"] == f"Write a general description of the image.{separator}{INSTRUCTION}"
    assert metadata.get("alignment", False) is (name in MEASUREMENT)
    assert metadata["version"] == 1.0


@pytest.mark.parametrize("name", [*MEASUREMENT, *VQA])
def test_task_is_greedy_and_declares_its_metrics(manager: TaskManager, raw_data: Path, name: str) -> None:
    task = load(manager, name)
    assert task.config.output_type == "generate_until"
    assert task.config.generation_kwargs == {"max_new_tokens": 16, "do_sample": False, "temperature": 0.0, "until": []}
    result = task.process_results(task.test_docs()[0], ["no"])
    assert set(result) == set(task.aggregation()) == set(task.higher_is_better())
    metric = "ar" if name in MEASUREMENT else "exact_match" if name == "slake_open" else "acc"
    assert metric in result
    assert {"answered", "n"} < set(result)


@pytest.mark.parametrize("name", [*MEASUREMENT, *VQA])
def test_documents_are_flat_and_know_their_task(manager: TaskManager, raw_data: Path, name: str) -> None:
    rows = list(load(manager, name).test_docs())
    columns = [
        "task",
        "uid",
        "image",
        "images",
        "question",
        "answer",
        "answer_type",
        "boxes",
        "modality",
        "subset",
        "split",
    ]
    assert all(sorted(row) == sorted(columns) for row in rows)
    assert {row["task"] for row in rows} == {name}
    assert len({row["uid"] for row in rows}) == len(rows) == {"demo": 300}.get(name.split("_")[1], 3)
    assert all(row["images"] == [row["image"]] for row in rows)


def test_broken_rows_reach_the_model(manager: TaskManager, raw_data: Path) -> None:
    good, broken, none = load(manager, "vgmed_localization").test_docs()
    assert good["boxes"] == [[1.0, 1.0, 2.0, 3.0]]
    assert broken["question"] == ""
    assert math.isnan(broken["boxes"][0][0])
    assert broken["boxes"][0][1:] == [0.0, 1.0, 1.0]
    assert broken["boxes"][1] == []
    assert none["boxes"] == []


def test_documents_of_empty_lists_keep_their_types() -> None:
    sample = Sample(uid="a", images=["demo:hard/1"], question="?", subset="", split="", licence="", source="")
    rows = docs.documents("t", lambda: [sample], None)
    assert rows.features == docs.FEATURES
    assert rows[0]["boxes"] == []


@pytest.mark.parametrize("name", ["slake_closed", "vgmed_attribute", "vgmed_coco_attribute"])
def test_missing_data_end_the_run_with_the_whole_message(
    manager: TaskManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match=f"(?s){name}: .*hf download .* --repo-type dataset"):
        load(manager, name)


def test_wrong_counts_end_the_run(manager: TaskManager, raw_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMMS_VG_PARTIAL_DATA")
    with pytest.raises(SystemExit, match="1 questions found, 1943 expected"):
        load(manager, "slake_closed")


def test_questions_with_one_uid_end_the_run() -> None:
    sample = Sample(uid="a", images=["demo:hard/1"], question="?", subset="", split="", licence="", source="")
    with pytest.raises(SystemExit, match="1 of 2 questions share"):
        docs.documents("t", lambda: [sample, sample], None)


def test_errors_that_are_not_about_data_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        docs.documents("t", lambda: 1 / 0, None)


def test_missing_slake_images_end_the_run_before_a_question_is_asked(raw_data: Path) -> None:
    """Else each of thousands of questions would fail on its own; a folder of images serves as well as the archive."""
    (raw_data / "slake" / "imgs.zip").unlink()
    with pytest.raises(
        SystemExit, match=r"slake_open: slake: missing imgs\.zip .*(?s:.*)hf download BoKelvin/SLAKE imgs\.zip"
    ):
        docs.slake_open(None)
    (raw_data / "slake" / "imgs").mkdir()
    assert len(docs.slake_open(None)) == 3
