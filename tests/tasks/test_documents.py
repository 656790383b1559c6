"""The tasks as lmms-eval loads them: every YAML, the documents, the messages, and the end of a run without data."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import raw
from lmms_eval.tasks import TaskManager

from lmms_vg.datasets import mmmu
from lmms_vg.datasets.schema import Sample
from lmms_vg.host.failure import RunFailed
from lmms_vg.journal.decoding import Decoding
from lmms_vg.tasks import documents, registry
from lmms_vg.tasks.document_fields import FIELDS

MEASUREMENT = ["vgmed_localization", "vgmed_attribute", "vgmed_coco_localization", "vgmed_coco_attribute", "vgmed_demo"]
PAIRS = [f"{name}{suffix}" for name in ("vqa_rad", "slake", "pathvqa") for suffix in ("", "_test")]
GROUNDED = [f"slake_grounded{split}_{part}" for split in ("", "_test") for part in ("closed", "open")]
DEMO = [f"vqa_demo_{name}" for name in ("standard", "hard", "open")]
SHORT = [*(f"{pair}_{part}" for pair in PAIRS for part in ("closed", "open")), *GROUNDED, *DEMO]
MODALITIES = [f"omnimedvqa_{modality}" for modality in ("ct", "fp", "mri", "oct", "der", "mic", "xray", "us")]
SUBJECTS = [f"mmmu_med_{subject.lower()}" for subject in mmmu.SUBJECTS]
CHEN = [f"{name}_chen" for name in ("vqa_rad", "slake", "pathvqa", "pmc_vqa", "omnimedvqa", "mmmu_med")]
GREEDY = [f"{name}_greedy" for name in CHEN]
LETTER = ["pmc_vqa", *MODALITIES, *CHEN, *GREEDY]
MMMU = [*SUBJECTS, "mmmu_med_test"]
ALL = [*MEASUREMENT, *SHORT, *LETTER, *MMMU]
GROUPS = {
    "vgmed": {"vgmed_localization", "vgmed_attribute"},
    "vgmed_coco": {"vgmed_coco_localization", "vgmed_coco_attribute"},
    **{pair: {f"{pair}_closed", f"{pair}_open"} for pair in PAIRS},
    "slake_grounded": {"slake_grounded_closed", "slake_grounded_open"},
    "slake_grounded_test": {"slake_grounded_test_closed", "slake_grounded_test_open"},
    "vg_slake": {"slake_closed", "slake_open"},
    "omnimedvqa": set(MODALITIES),
    "mmmu_med": set(SUBJECTS),
    "medvqa": {"vqa_rad_closed", "slake_closed", "pathvqa_closed", "pmc_vqa"},
    "medvqa_chen": set(CHEN),
    "medvqa_chen_greedy": set(GREEDY),
    "vqa_demo": {"vqa_demo_standard", "vqa_demo_hard"},
}
INSTRUCTION = "Answer the question using a single word or phrase."
BY_LETTER = "Answer with the option's letter from the given choices directly."


def load(manager: TaskManager, name: str):
    return manager.load_task_or_group(name, task_type="chat")[name]


@pytest.fixture(scope="module")
def loaded(manager: TaskManager):
    """Name -> the task, which is loaded once for all tests that read it."""
    return cache(partial(load, manager))


def test_the_folder_holds_these_tasks_and_no_others(manager: TaskManager) -> None:
    assert set(manager.all_subtasks) == set(ALL)
    assert set(manager.all_groups) == set(GROUPS)


@pytest.mark.slow
@pytest.mark.parametrize("name", GROUPS)
def test_groups(manager: TaskManager, raw_data: Path, name: str) -> None:
    ((group, tasks),) = manager.load_task_or_group(name, task_type="chat").items()
    assert group.group_name == name
    assert set(tasks) == GROUPS[name]


@pytest.mark.parametrize("name", [*MEASUREMENT, *SHORT, *LETTER])
def test_task_asks_what_its_prompt_says(loaded: Callable[[str], Any], raw_data: Path, name: str) -> None:
    task = loaded(name)
    doc = task.test_docs()[0]
    separator = " " if name in MEASUREMENT else "\n"
    ((image, text),) = (message["content"] for message in task.doc_to_messages(doc))
    assert image["type"] == "image"
    assert image["url"].mode == "RGB"
    assert image["url"].size == ((64, 64) if "demo" in name else (6, 4))
    asked = f"{doc['question']}{separator}{INSTRUCTION}"
    if name in LETTER:
        asked = f"What is used?\nA. CT\nB. MRI\nC. X-ray\nD. Ultrasound\n{BY_LETTER}"
    assert text == {"type": "text", "text": asked}
    assert task.doc_to_target(doc) == doc["answer"]


@pytest.mark.parametrize("name", MMMU)
def test_mmmu_asks_with_images_among_the_words(loaded: Callable[[str], Any], raw_data: Path, name: str) -> None:
    task = loaded(name)
    choice, opened = list(task.test_docs())[:2]
    (message,) = task.doc_to_messages(choice)
    assert [part["type"] for part in message["content"]] == ["text", "image", "text"]
    assert message["content"][-1]["text"].endswith(BY_LETTER)
    (message,) = task.doc_to_messages(opened)
    assert message["content"][-1]["text"] == f"How many?\n{INSTRUCTION}"


@pytest.mark.parametrize("name", ALL)
def test_reference_prompt_and_version(loaded: Callable[[str], Any], raw_data: Path, name: str) -> None:
    metadata = loaded(name).config.metadata
    separator = " " if name in MEASUREMENT else "\n"
    assert metadata["reference"] == f"Write a general description of the image.{separator}{INSTRUCTION}"
    assert metadata.get("alignment", False) is (name in [*MEASUREMENT, *GROUNDED])
    assert metadata.get("penalise_prompt", True) is (name not in [*CHEN, *GREEDY])
    assert metadata["version"] == 1.0


@pytest.mark.parametrize("name", ALL)
def test_decoding(loaded: Callable[[str], Any], raw_data: Path, name: str) -> None:
    """Greedy and short, except HuatuoGPT-Vision's protocol: sampled at 0.2 with a penalty, or its greedy twin."""
    given = loaded(name).config.generation_kwargs
    expected = {"max_new_tokens": 16, "do_sample": False, "temperature": 0.0, "until": []}
    if name in [*CHEN, *GREEDY]:
        expected |= {"max_new_tokens": 256, "repetition_penalty": 1.2, "min_new_tokens": 1}
    if name in CHEN:
        expected |= {"do_sample": True, "temperature": 0.2, "top_k": 50}
    assert given == expected
    Decoding.from_lmms_eval(given)


@pytest.mark.parametrize("name", ALL)
def test_task_declares_the_metrics_it_gives(loaded: Callable[[str], Any], raw_data: Path, name: str) -> None:
    task = loaded(name)
    assert task.config.output_type == "generate_until"
    result = task.process_results(task.test_docs()[0], ["no"])
    assert set(result) == set(task.aggregation()) == set(task.higher_is_better())
    metric = "ar" if name in MEASUREMENT else "open_recall" if name.endswith("_open") else "acc"
    assert ("submission" if name == "mmmu_med_test" else metric) in result
    assert {"answered", "n"} < set(result)
    assert ({"ar", "kl", "js", "best_layer"} <= set(result)) is (name in [*MEASUREMENT, *GROUNDED])
    axes = [key.removeprefix("macro_") for key in result if key.startswith("macro_")]
    assert tuple(axes) == (() if name == "mmmu_med_test" else registry.TASKS[name].axes)


@pytest.mark.parametrize("name", ALL)
def test_documents_are_flat_and_know_their_task(loaded: Callable[[str], Any], raw_data: Path, name: str) -> None:
    rows = list(loaded(name).test_docs())
    assert tuple(documents.FEATURES) == FIELDS
    assert all(sorted(row) == sorted(documents.FEATURES) for row in rows)
    assert {row["task"] for row in rows} == {name}
    assert len({row["uid"] for row in rows}) == len(rows)
    assert all(row["images"][0] == row["image"] for row in rows)


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
    rows = documents.documents("t", lambda: [sample], None)
    assert rows.features == documents.FEATURES
    assert rows[0]["boxes"] == []


@pytest.mark.parametrize("name", ["slake_closed", "vgmed_attribute", "vgmed_coco_attribute"])
def test_missing_data_end_the_run_with_the_whole_message(
    manager: TaskManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path))
    with pytest.raises(RunFailed, match=f"(?s){name}: .*hf download .* --repo-type dataset"):
        load(manager, name)


def test_wrong_counts_end_the_run(manager: TaskManager, raw_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMMS_VG_PARTIAL_DATA")
    with pytest.raises(RunFailed, match="1 questions found, 1943 expected"):
        load(manager, "slake_closed")


def test_questions_with_one_uid_end_the_run() -> None:
    sample = Sample(uid="a", images=["demo:hard/1"], question="?", subset="", split="", licence="", source="")
    with pytest.raises(RunFailed, match="1 of 2 questions have"):
        documents.documents("t", lambda: [sample, sample], None)


def test_errors_that_are_not_about_data_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        documents.documents("t", lambda: 1 / 0, None)


def test_missing_images_end_the_run_before_a_question_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise each of thousands of questions would fail; a folder of images serves as well as the archive."""
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path))
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    raw.slake(tmp_path)
    (tmp_path / "slake" / "imgs.zip").unlink()
    with pytest.raises(
        RunFailed, match=r"slake_open: slake: missing imgs\.zip .*(?s:.*)hf download BoKelvin/SLAKE imgs\.zip"
    ):
        list(registry.slake_open(None))
    (tmp_path / "slake" / "imgs").mkdir()
    assert len(registry.slake_open(None)) == 3


def test_wrong_settings_of_bertscore_are_said_before_anything_is_asked(
    raw_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMMS_VG_BERTSCORE", "layer=deep")
    with pytest.raises(RunFailed, match="vqa_rad_open: LMMS_VG_BERTSCORE: 'layer=deep'"):
        registry.vqa_rad_open(None)[0]
    assert len(registry.vqa_rad_closed(None)) == 4, "closed questions need no BERTScore"


def test_every_reader_is_a_task_and_can_be_named_in_yaml(manager: TaskManager) -> None:
    """All but the questions that rank the demo's heads, which no task may ask."""
    assert set(registry.TASKS) == {*ALL, "demo_calibration"}
    assert all(callable(getattr(registry, name)) for name in registry.TASKS)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = registry.nothing


def test_numbers_of_questions_are_the_published_ones() -> None:
    n = {name: reader.n for name, reader in registry.TASKS.items()}
    assert sum(n[task] or 0 for task in GROUPS["medvqa"]) == 9440
    assert [n[task] for task in ("vqa_rad_closed", "slake_closed", "pathvqa_closed", "pmc_vqa")] == [
        1297,
        2781,
        3362,
        2000,
    ]
    assert sum(n[task] or 0 for task in MODALITIES) == 88995
    assert [n[task] for task in CHEN] == [n[task] for task in GREEDY] == [251, 416, 3362, 2000, 11124, 145]
    assert [
        (n[f"{name}_test_closed"] or 0) + (n[f"{name}_test_open"] or 0) for name in ("vqa_rad", "slake", "pathvqa")
    ] == [
        451,
        1061,
        6719,
    ]
    assert (n["vqa_rad_test_closed"], n["slake_test_closed"], n["mmmu_med_test"]) == (272, 416, 1752)
    assert [n[subject] for subject in SUBJECTS] == [30] * 5
