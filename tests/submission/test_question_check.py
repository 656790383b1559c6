"""The questions in a bundle are the documents that were asked, and the shipped hashes are those of the authors' files."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from raw import write_all

from lmms_vg.datasets import counts
from lmms_vg.datasets.schema import Sample
from lmms_vg.submission.archive import sha256
from lmms_vg.submission.question_check import document, local, question_of, shipped, text_of
from lmms_vg.tasks.documents import documents
from lmms_vg.tasks.registry import TASKS
from lmms_vg.tasks.yaml_files import tasks

DEMO = sorted(name for name in tasks() if TASKS[name].spec.name == "demo")
REAL = sorted(name for name in shipped() if name not in DEMO)


@pytest.fixture(autouse=True)
def read_anew() -> None:
    local.cache_clear()


@pytest.fixture
def real(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_DATA", str(shared_data))


def test_every_demo_task_is_shipped_and_every_hash_is_of_a_task() -> None:
    assert set(DEMO) <= shipped().keys() <= tasks()
    assert {TASKS[name].spec.name for name in shipped()} == {"demo", "vqa_rad", "slake"}


@pytest.mark.parametrize("task", DEMO)
def test_shipped_hashes_of_the_demo(task: str) -> None:
    assert shipped()[task] == sha256(text_of([question_of(sample) for sample in TASKS[task].load()]))


@pytest.mark.usefixtures("real")
@pytest.mark.parametrize("task", REAL)
def test_shipped_hashes_of_real_files(task: str) -> None:
    samples = TASKS[task].load()
    assert len(samples) == TASKS[task].n
    assert shipped()[task] == sha256(text_of([question_of(sample) for sample in samples]))


def test_documents_are_what_lmms_eval_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One task per raw layout: the documents scored again are the documents that were scored."""
    write_all(tmp_path / "data")
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    monkeypatch.setattr(counts, "deviations", {})
    for task in sorted(tasks()):
        samples = TASKS[task].load()
        given = list(documents(task, lambda samples=samples: samples, None))
        made = [document(task, question_of(sample)) for sample in samples]
        assert [sorted(map(repr, one.items())) for one in made] == [sorted(map(repr, one.items())) for one in given], (
            task
        )


def test_boxes_without_a_number_survive() -> None:
    sample = Sample(
        uid="u",
        images=["demo:a"],
        question="q",
        subset="s",
        split="t",
        licence="",
        source="",
        boxes=[[math.nan, 1, 2, 3]],
    )
    again = document("vgmed_demo", question_of(sample))["boxes"][0]
    assert math.isnan(again[0])
    assert again[1:] == [1, 2, 3]
    assert "null" in text_of([question_of(sample)])


def test_part_of_a_benchmark_is_no_standard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_all(tmp_path / "data")
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "data"))
    assert local("pmc_vqa") is None, "one question where 2,000 are expected"
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    assert local("pmc_vqa") is None
    local.cache_clear()
    assert local("vqa_demo_hard") is None
    monkeypatch.delenv("LMMS_VG_PARTIAL_DATA")
    local.cache_clear()
    assert len(local("vqa_demo_hard") or ()) == 300
