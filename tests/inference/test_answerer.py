"""Several methods answer together; every journal equals that of a separate run."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tiny
import torch
from asking import GOOD, question
from checkpoints import load

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.attention.unedited import UneditedRun
from lmms_vg.inference import answerer
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun, RunCounts
from lmms_vg.inference.pending import Forms
from lmms_vg.inference.question import Question, prepare
from lmms_vg.journal import Journal, Record, read_heads, read_records
from lmms_vg.journal.decoding import Decoding
from lmms_vg.methods import Method
from lmms_vg.methods.adaptvis import AdaptVis
from lmms_vg.methods.oracle_mask import OracleMask
from lmms_vg.methods.pai import PAI
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vcd import VCD
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.methods.vicrop import ViCrop
from lmms_vg.models import Family

METHODS: list[Method] = [
    Plain(),
    VGRefine(((2, 1), (0, 3), (3, 0)), (2,), 3),
    OracleMask((2,)),
    AdaptVis(),
    ViCrop(2),
    PAI(start=1, end=4, cfg=True),
    VCD(),
]
BOX = [[5, 5, 30, 30]]


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    folder = tiny.save(tmp_path_factory.mktemp("checkpoint"))
    return load("huatuo", folder)


def some() -> list[Question]:
    """Questions about two images: with boxes and without, measured or not, sampled, one without an image, one invalid."""
    first, second = tiny.picture(1), tiny.picture(2, 50, 70)
    return [
        question("measured", first, GOOD, boxes=BOX, align=True),
        question("measured too", first, "Is the large cyst dark?", boxes=[[1, 1, 9, 40]], align=True),
        question("boxed", first, "Is it bright?", boxes=BOX),
        question("no box", first, GOOD),
        question("no text", first, ""),
        replace(
            question("sampled", second, GOOD, boxes=BOX),
            decoding=Decoding(max_new_tokens=4, do_sample=True, temperature=2.0, min_new_tokens=1),
        ),
        question("boxed too", second, "Is the nodule in the upper left?", boxes=BOX),
        question("measured as well", second, "Is it bright?", boxes=BOX, align=True),
        question("no image", GOOD),
    ]


def run(
    family: Family, methods: Sequence[Method], folder: Path, questions: Sequence[Question], batch_size: int
) -> tuple[list[tuple[str, Record]], list[RunCounts]]:
    """Return the records and every method's counts; a method's folder has the number of the method in METHODS."""
    method_runs = [MethodRun(one, Journal(folder / str(METHODS.index(one)))) for one in methods]
    answerer = Answerer(family, method_runs, batch_size)
    try:
        return [(one.uid, record) for one, record in answerer.answer(questions)], [one.counts for one in method_runs]
    finally:
        answerer.close()


class Alone(NamedTuple):
    """What a run of one method by itself gives: uids that were returned, counts, and the records of its journal."""

    uids: list[str]
    counts: RunCounts
    records: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def alone(family: Family, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Method, int], Alone]:
    """Ask `some()` of one method at a batch size; what is asked again is what was answered the first time."""
    made: dict[tuple[int, int], Alone] = {}

    def asked(method: Method, batch_size: int) -> Alone:
        key = METHODS.index(method), batch_size
        if key not in made:
            folder = tmp_path_factory.mktemp("alone")
            handed_out, (counts,) = run(family, [method], folder, some(), batch_size)
            made[key] = Alone([uid for uid, _ in handed_out], counts, journalled(folder, method))
        return made[key]

    return asked


def journalled(folder: Path, method: Method) -> dict[str, dict[str, Any]]:
    """Return the last record of each question, without duration and batch."""
    path = folder / str(METHODS.index(method)) / "rank0.jsonl"
    return {record.uid: record.model_dump(exclude={"seconds", "batch"}) for record in read_records([path])}


def assert_same(made: Any, expected: Any, exact: bool) -> None:
    """Check that records are equal; with other questions in the batch, numbers only to 1e-4."""
    if isinstance(expected, dict):
        assert made.keys() == expected.keys()
        for name in expected:
            assert_same(made[name], expected[name], exact)
    elif isinstance(expected, list):
        assert len(made) == len(expected)
        for one, other in zip(made, expected, strict=True):
            assert_same(one, other, exact)
    else:
        assert made == (expected if exact or not isinstance(expected, float) else pytest.approx(expected, rel=1e-4))


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("order", [1, -1])
def test_journals_of_a_joint_run_are_those_of_separate_runs(
    family: Family, alone: Callable[[Method, int], Alone], batch_size: int, order: int, tmp_path: Path
) -> None:
    """Holds in either order of methods; without boxes, only the method that needs them fails."""
    methods = METHODS[::order]
    handed_out, all_counts = run(family, methods, tmp_path / "joint", some(), batch_size)
    for method, counts in zip(methods, all_counts, strict=True):
        separate, made = alone(method, batch_size), journalled(tmp_path / "joint", method)
        assert_same(made, separate.records, exact=batch_size == 1)
        assert counts == separate.counts
        failed = {uid for uid, record in made.items() if record["error"]}
        assert failed == {"no text"} | ({"no image"} if not isinstance(method, Plain) else set()) | (
            {"no box", "no image"} if method.needs_boxes else set()
        )
        codes = {"no text": "question", "no image": "question"}
        assert {record["error_code"] for uid, record in made.items() if uid not in failed} == {None}
        for uid in failed:  # none of them has a box either
            assert made[uid]["error_code"] == ("no_boxes" if method.needs_boxes else codes[uid])
        if method is methods[0]:
            assert sorted(uid for uid, _ in handed_out) == sorted(separate.uids)
    assert sorted(uid for uid, _ in handed_out) == sorted(one.uid for one in some())
    main = journalled(tmp_path / "joint", methods[0])
    assert all(record.text == main[uid]["text"] and record.error == main[uid]["error"] for uid, record in handed_out)
    measured = journalled(tmp_path / "joint", OracleMask((2,)))
    assert [uid for uid, record in sorted(measured.items()) if record["alignment"]] == [
        "measured",
        "measured as well",
        "measured too",
    ]


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("ahead", range(len(METHODS)))
def test_what_one_journal_has_already_is_asked_of_the_others(
    family: Family, alone: Callable[[Method, int], Alone], batch_size: int, ahead: int, tmp_path: Path
) -> None:
    """Holds also when the method that is ahead returns the records."""
    first = [one for one in some() if one.uid in ("measured too", "boxed")]
    methods = [METHODS[n] for n in sorted({0, ahead, (ahead + 1) % len(METHODS)})]
    run(family, [METHODS[ahead]], tmp_path / "joint", first, batch_size)
    handed_out, all_counts = run(family, methods, tmp_path / "joint", some(), batch_size)
    assert sorted(uid for uid, _ in handed_out) == sorted(one.uid for one in some())
    assert [counts.from_journal for counts in all_counts] == [2 * (one is METHODS[ahead]) for one in methods]
    for method in methods:
        assert_same(journalled(tmp_path / "joint", method), alone(method, batch_size).records, exact=batch_size == 1)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_joint_run_resumes(
    family: Family,
    alone: Callable[[Method, int], Alone],
    batch_size: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a kill, a resumed run and another run, only failures are asked twice."""
    calls = 0
    step = Pass.step

    def dies(self: Pass, tokens: torch.Tensor) -> None:
        nonlocal calls
        calls += 1
        if calls == 40:
            raise KeyboardInterrupt
        step(self, tokens)

    with monkeypatch.context() as patch:
        patch.setattr(Pass, "step", dies)
        with pytest.raises(KeyboardInterrupt):
            run(family, METHODS, tmp_path / "joint", some(), batch_size)
    done = [len(journalled(tmp_path / "joint", method)) for method in METHODS]
    assert 0 < sum(done) < len(METHODS) * len(some())

    _, all_counts = run(family, METHODS, tmp_path / "joint", some(), batch_size)
    assert sum(counts.from_journal for counts in all_counts) > 0
    _, again = run(family, METHODS, tmp_path / "joint", some(), batch_size)
    for method, first, second in zip(METHODS, all_counts, again, strict=True):
        assert_same(journalled(tmp_path / "joint", method), alone(method, batch_size).records, exact=batch_size == 1)
        assert second == RunCounts(first.asked, first.asked - first.failed, 0, first.failed)


def test_a_method_that_breaks_harms_no_other(
    family: Family, alone: Callable[[Method, int], Alone], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure inside a batch of four fails its questions; the next method finds the batch unchanged."""
    monkeypatch.setattr(VGRefine, "irrelevant", lambda *_: 1 / 0)
    methods = METHODS[:4]
    run(family, methods, tmp_path / "joint", some(), 4)
    broken = journalled(tmp_path / "joint", methods[1])
    assert all("ZeroDivisionError" in record["error"] for uid, record in broken.items() if not uid.startswith("no "))
    for method in (methods[0], methods[2], methods[3]):
        assert_same(journalled(tmp_path / "joint", method), alone(method, 4).records, exact=False)


def test_methods_share_image_prefixes_and_batches(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six questions that alternate between two images, three per batch; no method changes their form."""
    embedded: list[int] = []
    embed, prefill = family.embed, Batch.prefill
    prefilled: list[UneditedRun] = []
    monkeypatch.setattr(family, "embed", lambda prompts: (embedded.append(len(prompts)), embed(prompts))[1])
    monkeypatch.setattr(
        Batch, "prefill", lambda self, *edits: (prefilled.append(self.unedited), prefill(self, *edits))[1]
    )
    questions = [
        question(f"{seed}{n}", tiny.picture(seed), f"{GOOD} {n}", boxes=BOX) for seed in (1, 2) for n in range(3)
    ]
    run(family, METHODS[:4], tmp_path, questions, 3)
    assert embedded == [1, 1]
    assert len(set(prefilled)) == 2


def test_a_failed_batch_is_gone_before_its_questions_are_asked_again(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an out-of-memory error, no tensor of the batch is kept while its halves are asked."""
    alive: weakref.WeakSet[UneditedRun] = weakref.WeakSet()
    seen: list[int] = []
    make, prefill = UneditedRun.__init__, AdaptVis.prefill

    def made(self: UneditedRun, *arguments: Any, **more: Any) -> None:
        make(self, *arguments, **more)
        alive.add(self)

    def crowded(self: AdaptVis, batch: Batch) -> Pass:
        gc.collect()
        seen.append(len(alive))
        if len(batch.layout) > 1:
            raise torch.cuda.OutOfMemoryError("out of memory")
        return prefill(self, batch)

    monkeypatch.setattr(UneditedRun, "__init__", made)
    monkeypatch.setattr(AdaptVis, "prefill", crowded)
    asked = [question(f"{n}", tiny.picture(1), text) for n, text in enumerate([GOOD, "Is it bright?", "Is it dark?"])]
    _, all_counts = run(family, [Plain(), AdaptVis()], tmp_path, asked, 3)
    assert [(counts.answered, counts.failed) for counts in all_counts] == [(3, 0), (3, 0)]
    assert seen == [1, 1, 1, 1, 1], "the batch of three, its half of two, then one by one, each alone"


def test_boxes_change_the_key_and_nothing_else() -> None:
    """What is asked draws the samples, so that methods that know the boxes draw as plain does; a measurement is a record of
    its own."""
    family = load("huatuo", "demo")
    asked = question("q", tiny.picture(1), "Where is the nodule?", boxes=BOX)
    plain, oracle = (prepare(family, asked, ("last",), boxes) for boxes in (False, True))
    measured = prepare(family, replace(asked, align=True), ("last",), True)
    assert len({plain.key, oracle.key, measured.key}) == 3
    assert plain.draw == oracle.draw == measured.draw
    assert prepare(family, replace(asked, repeat=1), ("last",), False).draw == plain.draw, "greedy"
    sampled = replace(asked, decoding=Decoding(max_new_tokens=3, do_sample=True))
    assert (
        prepare(family, replace(sampled, repeat=1), ("last",), False).draw
        != prepare(family, sampled, ("last",), False).draw
    )


def test_the_patient_is_in_the_record_and_not_in_the_key(family: Family, tmp_path: Path) -> None:
    asked = question("q", tiny.picture(1), GOOD, boxes=BOX, align=True)
    named = replace(asked, patient="own:mine/patient 7")
    assert prepare(family, asked, ("last",), True).key == prepare(family, named, ("last",), True).key
    (_, record), *_ = run(family, METHODS[:1], tmp_path, [named], 1)[0]
    assert (record.patient, record.unit) == ("own:mine/patient 7", "own:mine/patient 7")
    (_, known), *_ = run(family, METHODS[:1], tmp_path, [asked], 1)[0]
    assert known.patient == "own:mine/patient 7", "the answer comes from the journal"
    (_, other), *_ = run(family, METHODS[:1], tmp_path / "b", [asked], 1)[0]
    assert other.unit == other.image


def test_values_of_heads_lie_beside_the_journal(family: Family, tmp_path: Path) -> None:
    """They are those of all heads of all layers; the mean of none of them is in the record."""
    method_run = MethodRun(Plain(), Journal(tmp_path))
    asked = [one for one in some() if one.align]
    answerer = Answerer(family, [method_run], 2, per_head=True)
    for _ in answerer.answer(asked):
        pass
    answerer.close()
    assert b'"heads"' not in (tmp_path / "rank0.jsonl").read_bytes()
    found = [*read_heads(tmp_path, read_records([tmp_path / "rank0.jsonl"]))]
    assert [record.uid for record, _ in found] == [one.uid for one in asked]
    for record, values in found:
        assert record.alignment is not None
        assert list(values.kl.shape) == record.alignment["head_shape"]
        assert np.isfinite(values.kl).all()
        assert ((values.entropy > 0) & (values.entropy <= np.log(576) + 1e-9)).all()
        assert ((values.js >= 0) & (values.js <= 0.694)).all()
        assert ((values.placement > 0) & (values.placement < 1)).all() or np.isnan(values.placement).all()


def one_by_one(questions: Iterable[Question], prepare: Callable[[Question], Forms], most: int) -> Iterator[Forms]:
    """Prepare each question when it is asked."""
    yield from map(prepare, questions)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 3])
def test_records_are_those_of_preparing_one_by_one(
    family: Family, batch_size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their order, their number, texts, keys and figures, to the last bit, of methods together; and a second time.

    Two methods that ask in the form of others are left out.
    """
    asked = some() + [question(f"more {n}", tiny.picture(n % 5), f"Is it bright? {n}") for n in range(6)]
    assert len(asked) > batch_size + answerer.AHEAD, "the thread is not done at once"
    methods = [one for one in METHODS if not isinstance(one, AdaptVis | PAI)]
    found = []
    for name in ("ahead", "one by one"):
        with monkeypatch.context() as patched:
            if name == "one by one":
                patched.setattr(answerer, "prepared_ahead", one_by_one)
                patched.setattr(answerer.KeptPictures, "question", lambda _: nullcontext())
            for _ in range(2):
                records, counts = run(family, methods, tmp_path / name, asked, batch_size)
                handed = [(uid, record.model_dump(exclude={"seconds"})) for uid, record in records]
                found.append((handed, counts, [journalled(tmp_path / name, method) for method in methods]))
    assert found[0] == found[2]
    assert found[1] == found[3]
    assert len({record["text"] for _, record in found[0][0]}) > 4
