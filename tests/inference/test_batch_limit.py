"""How many questions share a batch, when memory is given, measured, or runs out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from asking import GOOD, question
from checkpoints import load
from torch import Tensor

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.attention.session import Selections
from lmms_vg.inference import batch_limit
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.batch_limit import BatchLimit
from lmms_vg.inference.batch_memory import BatchMemory
from lmms_vg.inference.memory import free_bytes, is_out_of_memory
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.pending import Forms, Pending
from lmms_vg.inference.question import Prepared, Question
from lmms_vg.journal import Journal, Record, read_records
from lmms_vg.methods import Method
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models import Family

METHODS: list[Method] = [Plain(), VGRefine(((2, 1), (0, 3), (3, 0)), (2,), 3)]


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    return load("huatuo", tiny.save(tmp_path_factory.mktemp(request.param), request.param))


def about(seeds: Sequence[int], **values: Any) -> list[Question]:
    return [question(f"{n}", tiny.picture(seed), f"{GOOD} {n}", **values) for n, seed in enumerate(seeds)]


def waiting(family: Family, folder: Path, questions: Sequence[Question]) -> list[Pending]:
    run = MethodRun(Plain(), Journal(folder))
    forms = [Forms(family, one, ("last",)).of(run.method) for one in questions]
    return [Pending(one, {run: form}) for one, form in zip(questions, forms, strict=True) if isinstance(form, Prepared)]


def run(
    family: Family,
    questions: Sequence[Question],
    folder: Path,
    batch_size: int | str,
    methods: Sequence[Method] = METHODS,
) -> list[list[Record]]:
    """Return the journals of the methods, in the order of their lines."""
    method_runs = [MethodRun(method, Journal(folder / method.name)) for method in methods]
    answerer = Answerer(family, method_runs, batch_size)  # type: ignore[arg-type]
    try:
        handed_out = [record for _, record in answerer.answer(questions)]
    finally:
        answerer.close()
    journals = [[*read_records([folder / method.name / "rank0.jsonl"])] for method in methods]
    assert sorted(record.uid for record in handed_out) == sorted(one.uid for one in questions)
    return journals


class SmallMemory:
    """A device that runs out of memory in batches of more than `most` questions, in prefill or in a decode step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int, where: str) -> None:
        self.tried: list[int] = []
        prefill, step = Batch.prefill, Pass.step

        def prefills(batch: Batch, *edits: Any) -> Pass:
            self.tried.append(len(batch.layout))
            self._refuse(len(batch.layout) > most and where == "prefill")
            return prefill(batch, *edits)

        def steps(answering: Pass, tokens: Tensor) -> None:
            self._refuse(len(answering.layout) > most and where in ("decode", "main memory"), where == "decode")
            step(answering, tokens)

        monkeypatch.setattr(Batch, "prefill", prefills)
        monkeypatch.setattr(Pass, "step", steps)

    def _refuse(self, is_full: bool, device: bool = True) -> None:
        if is_full and device:
            raise torch.OutOfMemoryError("out of memory")
        if is_full:
            torch.empty(2**55)  # the error of the machine's own allocator


def eleven() -> list[Question]:
    """Questions about three images."""
    return about([1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3])


@pytest.fixture(scope="module")
def one_by_one(family: Family, tmp_path_factory: pytest.TempPathFactory) -> list[list[Record]]:
    """The records of each method in batches of one."""
    return run(family, eleven(), tmp_path_factory.mktemp("ones"), 1)


@pytest.mark.parametrize("where", ["prefill", "decode", "main memory"])
@pytest.mark.parametrize("batch_size", [7, "auto"])
def test_a_batch_without_memory_is_halved_and_nothing_is_lost_or_asked_twice(
    family: Family,
    one_by_one: list[list[Record]],
    where: str,
    batch_size: int | str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Later batches are no larger than what has fitted, and records say how large."""
    questions = eleven()
    assert {record.batch for journal in one_by_one for record in journal} == {1}
    memory = SmallMemory(monkeypatch, 3, where)
    journals = run(family, questions, tmp_path, batch_size)
    for journal, alone in zip(journals, one_by_one, strict=True):
        assert sorted(record.uid for record in journal) == sorted(one.uid for one in questions)
        assert all(record.error is None for record in journal)
        texts = {record.uid: record.text for record in alone}
        assert {record.uid: record.text for record in journal} == texts
        assert {record.batch for record in journal} <= {1, 2, 3}
        assert max(record.batch or 0 for record in journal) >= 2, "halved, not asked one by one"
    assert [size for size in memory.tried if size > 3] == ([7, 4] if batch_size == 7 else [8, 4]), "only once"


def test_one_question_without_memory_is_tried_again_without_kept_images(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second attempt succeeds if that made room; otherwise this question fails, and the next one is asked."""
    refused = {"0": 1, "1": 2}
    prefill = Batch.prefill

    def crowded(batch: Batch, *edits: Any) -> Pass:
        (prompt,) = batch.layout.prompts
        for uid in refused:
            if f"? {uid}" in prompt.text and refused[uid]:
                refused[uid] -= 1
                raise torch.OutOfMemoryError("out of memory")
        return prefill(batch, *edits)

    monkeypatch.setattr(Batch, "prefill", crowded)
    (journal,) = run(family, about([1, 2, 3]), tmp_path, 1, [Plain()])
    assert [(record.uid, record.error_code, record.batch) for record in journal] == [
        ("0", None, 1),
        ("1", "model", None),
        ("2", None, 1),
    ]


@pytest.mark.parametrize("room", [1, 2, 4])
def test_auto_takes_as_many_questions_as_memory_holds(
    family: Family, room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Free memory is what some questions about as many images are predicted to take, and a little more."""
    questions = about(range(9))
    predicted = BatchMemory(family).bytes(waiting(family, tmp_path, questions[:room]))
    monkeypatch.setattr(batch_limit, "kept_bytes", lambda model: 0)
    monkeypatch.setattr(
        batch_limit, "free_bytes", lambda model: 1.01 * batch_limit.UNMEASURED * predicted / batch_limit.PLANNED
    )
    (journal,) = run(family, questions, tmp_path / "auto", "auto", [Plain()])
    assert [record.batch for record in journal] == [room] * (9 // room * room) + [9 % room] * (9 % room)


def test_auto_has_an_upper_bound_and_a_lower_one(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = waiting(family, tmp_path, about([1] * (batch_limit.MOST_ELSEWHERE + 1)))
    monkeypatch.setattr(batch_limit, "free_bytes", lambda model: 2**60)
    limit = BatchLimit(family, "auto")
    assert limit.fits(batch[:-1])
    assert not limit.fits(batch)
    monkeypatch.setattr(batch_limit, "free_bytes", lambda model: 0)
    limit = BatchLimit(family, "auto")
    assert limit.fits(batch[:1])
    assert not limit.fits(batch[:2])


def test_what_batches_took_corrects_the_prediction(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device whose peaks are a third of the prediction, then as large as it."""
    batch = waiting(family, tmp_path, about([1, 2, 3, 4]))
    predicted = BatchMemory(family).bytes(batch)
    monkeypatch.setattr(batch_limit, "kept_bytes", lambda model: 0)
    monkeypatch.setattr(batch_limit, "free_bytes", lambda model: predicted)
    monkeypatch.setattr(batch_limit, "start_measuring", lambda model: 1000)
    limit = BatchLimit(family, "auto")
    assert not limit.fits(batch), "not measured yet"
    monkeypatch.setattr(batch_limit, "peak_bytes", lambda model: 1000 + predicted // 3)
    limit.learn(batch, limit.start())
    assert limit.fits(batch)
    monkeypatch.setattr(batch_limit, "peak_bytes", lambda model: 1000 + predicted)
    limit.learn(batch, limit.start())
    assert not limit.fits(batch)
    monkeypatch.setattr(batch_limit, "peak_bytes", lambda model: 1000 + predicted // 3)
    limit.learn(batch, limit.start())
    assert not limit.fits(batch), "the largest ratio counts"


@pytest.mark.parametrize("seeds", [(1,), (1, 1, 1), (1, 2, 3)])
@pytest.mark.parametrize(
    ("align", "rows"), [(False, ("last",)), (True, ("last",)), (True, ("last", "question", "all"))]
)
def test_the_prediction_covers_what_a_batch_really_holds(
    family: Family, seeds: tuple[int, ...], align: bool, rows: Selections, tmp_path: Path
) -> None:
    """Keys, values and hidden states of sessions, unedited run and decoding are counted exactly as torch holds them."""
    forms = waiting(family, tmp_path, about(seeds, boxes=[[5, 5, 30, 30]], align=align))
    answerer = Answerer(family, [MethodRun(Plain(), Journal(tmp_path))], rows=rows)
    prepared = [next(iter(one.prepared.values())) for one in forms]
    with torch.no_grad():
        shared = answerer._asking.open(prepared)
        answering = answerer._asking.prefill(Plain(), shared, prepared)
        shared.reference.maps("last")
        for _ in range(2):
            answering.step(torch.zeros(len(seeds), dtype=torch.long))
    unedited = shared.unedited
    held: dict[int, int] = {}
    pairs = [*unedited._prefix, *unedited._layers, *((layer.keys, layer.values) for layer in answering._cache.layers)]
    tensors = [tensor for pair in pairs if pair is not None for tensor in pair]
    for tensor in [
        *tensors,
        *unedited._entering,
        *(maps for seen in answering.seen.values() for maps in seen.values()),
    ]:
        held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    for session in answerer._asking.sessions._kept.values():
        assert (
            sum(t.nbytes for pair in session.layers for t in pair or ()) == session.prefix * BatchMemory(family).token
        )
        for tensor in session._tensors():
            held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    predicted = BatchMemory(family, 1, len(rows)).bytes(forms)
    assert sum(held.values()) <= predicted <= 4 * sum(held.values())


def test_a_second_form_of_the_questions_is_counted(family: Family, tmp_path: Path) -> None:
    batch = waiting(family, tmp_path, about([1, 2]))
    one, two = (BatchMemory(family, forms).bytes(batch) for forms in (1, 2))
    assert 1.5 * one <= two <= 2 * one


def test_memory_that_is_free_is_less_than_the_machine_has(family: Family) -> None:
    assert 0 < free_bytes(family.model) < 2**50


def test_errors_of_other_kinds_are_not_taken_for_lack_of_memory() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("x"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("DefaultCPUAllocator"))
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55)
    assert is_out_of_memory(caught.value)
