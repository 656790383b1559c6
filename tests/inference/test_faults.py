"""Faults in the middle of a run: nothing is lost, nothing is asked twice, and the values are those of an undisturbed run."""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tiny
import torch
from asking import GOOD, encoded, opened, question
from checkpoints import load

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.host.stopping import Stopped
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.asking import Asking
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Question
from lmms_vg.journal import Journal, JournalError, Record, read_records
from lmms_vg.methods import Method
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models import Family

METHODS: list[Method] = [Plain(), VGRefine(((2, 1), (0, 3), (3, 0)), (2,), 3)]
TEXTS = (GOOD, "Is it bright?", "Where is it?")
IMAGES, TURNS, BATCH = 4, len(TEXTS), 4
MIDDLE = "5"  # the question that meets the fault: the second one of the second batch


class Fault(NamedTuple):
    """How something breaks, what the run ends with (None: it goes on), and how many answers the journal of plain has then."""

    breaks: Callable[[pytest.MonkeyPatch], None]
    ends: type[BaseException] | None
    kept: int


def patched(patch: pytest.MonkeyPatch, owner: Any, name: str, call: int, fault: Callable[[], None]) -> None:
    """Let the fault happen before the nth call."""
    real, calls = getattr(owner, name), iter(range(1, 9999))

    def broken(*arguments: Any) -> Any:
        if next(calls) == call:
            fault()
        return real(*arguments)

    patch.setattr(owner, name, broken)


def without_memory() -> None:
    raise torch.OutOfMemoryError("out of memory")


def thread_dies(patch: pytest.MonkeyPatch) -> None:
    real = Answerer._prepare

    def prepare(self: Answerer, kept: Any, asked: Question) -> Any:
        if asked.uid == MIDDLE:
            raise SystemExit(5)
        return real(self, kept, asked)

    patch.setattr(Answerer, "_prepare", prepare)


def disk_is_full(patch: pytest.MonkeyPatch) -> None:
    """The journal takes 9 lines of plain's answers, so that the third batch is torn after its first."""
    real, left = os.write, [9]

    def write(file: int, data: bytes) -> int:
        lines = bytes(data).splitlines(keepends=True)
        if not any(b'"uid"' in line for line in lines):
            return real(file, data)
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = lines[: left[0]]
        left[0] -= len(taken)
        return real(file, b"".join(taken))

    patch.setattr(os, "write", write)


FAULTS = {
    "a worker thread dies": Fault(thread_dies, SystemExit, 4),
    "no memory in prefill": Fault(lambda patch: patched(patch, Batch, "prefill", 2, without_memory), None, 12),
    "no memory in decode": Fault(lambda patch: patched(patch, Pass, "step", 4, without_memory), None, 12),
    "a full disk": Fault(disk_is_full, JournalError, 4),
    "SIGTERM": Fault(
        lambda patch: patched(patch, Asking, "records", 3, lambda: os.kill(os.getpid(), signal.SIGTERM)), Stopped, 8
    ),
}


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    return load("huatuo", tiny.save(tmp_path_factory.mktemp("checkpoint")))


def asked(damaged: str = "") -> list[Question]:
    """Measured questions about image files; the file of the question `damaged` is cut short."""
    files = [encoded(tiny.picture(seed, 60 + seed), "png") for seed in range(IMAGES)]
    return [
        question(
            uid := str(TURNS * image + turn),
            opened(file[: len(file) // 2] if uid == damaged else file),
            text,
            boxes=[[5, 5, 30, 30]],
            align=True,
        )
        for image, file in enumerate(files)
        for turn, text in enumerate(TEXTS)
    ]


def run(family: Family, folder: Path, questions: Sequence[Question]) -> list[MethodRun]:
    method_runs = [MethodRun(method, Journal(folder / method.name)) for method in METHODS]
    with closing(Answerer(family, method_runs, BATCH)) as answerer:
        for _ in answerer.answer(questions):
            pass
    return method_runs


def journalled(folder: Path, method: Method) -> list[Record]:
    return [*read_records([folder / method.name / "rank0.jsonl"])]


def assert_whole(folder: Path, undisturbed: Path) -> None:
    """Every question has one answer, and text and attention of the undisturbed run; batches may hold other questions."""
    for method in METHODS:
        expected = {record.uid: record for record in journalled(undisturbed, method)}
        good = [record for record in journalled(folder, method) if record.error is None]
        assert Counter(record.uid for record in good) == Counter(str(uid) for uid in range(IMAGES * TURNS))
        for record in good:
            alone = expected[record.uid]
            assert (record.key, record.text) == (alone.key, alone.text)
            for measure in ("ar", "kl", "js"):
                assert record.alignment[measure] == pytest.approx(alone.alignment[measure], rel=1e-4, abs=1e-5)  # type: ignore[index]


@pytest.fixture(scope="module")
def undisturbed(family: Family, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    run(family, folder, asked())
    for method in METHODS:
        records = journalled(folder, method)
        assert [record.error for record in records] == [None] * IMAGES * TURNS
        assert len({str(record.alignment) for record in records}) == len(records), "each question has its own values"
    return folder


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_costs_no_answer_and_none_is_asked_twice(
    name: str, family: Family, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = FAULTS[name]
    with monkeypatch.context() as patch:
        fault.breaks(patch)
        if fault.ends is None:
            run(family, tmp_path, asked())
            sizes = {record.batch for method in METHODS for record in journalled(tmp_path, method)}
            assert {4, 2} <= sizes <= {4, 3, 2}, "halved, and not asked one by one"
        else:
            with pytest.raises(fault.ends):
                run(family, tmp_path, asked())
    kept = [len(journalled(tmp_path, method)) for method in METHODS]
    assert kept[0] == fault.kept
    again = run(family, tmp_path, asked())
    assert [one.counts.from_journal for one in again] == kept
    assert [one.counts.answered for one in again] == [IMAGES * TURNS - number for number in kept]
    assert_whole(tmp_path, undisturbed)


def test_a_corrupt_image_in_the_middle_of_a_batch_fails_alone_and_is_asked_again_when_it_is_mended(
    family: Family, undisturbed: Path, tmp_path: Path
) -> None:
    first = run(family, tmp_path, asked(damaged=MIDDLE))
    assert [(one.counts.answered, one.counts.failed) for one in first] == [(11, 1)] * 2
    for method in METHODS:
        (failed,) = (record for record in journalled(tmp_path, method) if record.error)
        assert (failed.uid, failed.error_code) == (MIDDLE, "image")
        sizes = Counter(record.batch for record in journalled(tmp_path, method) if not record.error)
        assert sizes == {4: 8, 3: 3}, "the next question takes its place in the batch"
    again = run(family, tmp_path, asked())
    assert [(one.counts.from_journal, one.counts.answered) for one in again] == [(11, 1)] * 2
    assert_whole(tmp_path, undisturbed)
