"""Answers and logits do not depend on how many questions share a batch, for every method and text model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tiny
import torch
from asking import GOOD, question
from checkpoints import load
from PIL import Image
from torch import Tensor

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.asking import Asking
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Prepared, Question
from lmms_vg.journal import Journal, Record, read_records
from lmms_vg.methods import METHODS, Method
from lmms_vg.models import Family
from lmms_vg.models.checkpoint import Shape

SHAPE = Shape("somewhere", tiny.LAYERS, tiny.HEADS, {})
_HEADS = {"heads": "2-1+0-3+3-0+2-2+1-1", "layers": 2}
#: Hyper-parameters that fit 5 layers and 4 heads; other methods need none.
CASES: dict[str, dict[str, Any]] = {
    "vgrefine": _HEADS,
    "random_mask": _HEADS,
    "inverse_mask": _HEADS,
    "oracle_mask": {"layers": 2},
    "moved_mask": {"layers": 2},
    "pai": {"cfg": True},
    "vaf": {"start": 1, "end": 4},
    "attention_lens": {"start": 1, "end": 4},
}


@pytest.fixture(scope="module", params=["llama", "qwen2", "qwen3", "mistral"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    return load("llava", tiny.save(tmp_path_factory.mktemp(request.param), request.param))


def questions() -> Iterator[Question]:
    """Five measured questions about three images of different content, of different lengths."""
    ramp = Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))).convert("RGB")
    texts = [GOOD, "Is it bright?", "Is the large cyst in the upper left dark or bright?", "Where is it?", GOOD]
    images = [tiny.picture(1), tiny.picture(1), ramp, Image.new("RGB", (70, 50), (9, 80, 200)), ramp]
    for number, (text, image) in enumerate(zip(texts, images, strict=True)):
        yield question(str(number), image, text, boxes=[[9, 5, 29, 30]], align=True)


class Answered(NamedTuple):
    """What one method made of the questions: the records, and the logits of the first answer token of each prompt."""

    records: dict[str, Record]
    logits: dict[str, Tensor]


@pytest.fixture(scope="module")
def answered(family: Family, tmp_path_factory: pytest.TempPathFactory) -> dict[Any, dict[str, Answered]]:
    """Batch size -> what each method made of them; all methods together, which answer as each does alone."""
    return {size: joint(family, size, tmp_path_factory.mktemp("journals")) for size in (1, 4, "auto")}


def joint(family: Family, batch_size: Any, folder: Path) -> dict[str, Answered]:
    logits: dict[str, dict[str, Tensor]] = {name: {} for name in METHODS}
    prefill = Asking.prefill

    def seen(self: Asking, method: Method, shared: Batch, prepared: Sequence[Prepared], *rest: Any) -> Pass:
        answering = prefill(self, method, shared, prepared, *rest)
        rows = answering.logits.clone()
        logits[method.name].update(zip([form.question.uid for form in prepared], rows, strict=True))
        return answering

    methods = {name: METHODS[name].for_checkpoint(SHAPE, **CASES.get(name, {})) for name in METHODS}
    runs = [MethodRun(method, Journal(folder / name)) for name, method in methods.items()]
    with pytest.MonkeyPatch.context() as patch, closing(Answerer(family, runs, batch_size)) as answerer:
        patch.setattr(Asking, "prefill", seen)
        assert len([*answerer.answer(questions())]) == 5
    records = {run.method.name: {one.uid: one for one in read_records([run.journal.path])} for run in runs}
    return {name: Answered(records[name], logits[name]) for name in METHODS}


@pytest.mark.parametrize("name", list(METHODS))
def test_batch_sizes_agree(name: str, answered: dict[Any, dict[str, Answered]]) -> None:
    alone, expected = answered[1][name]
    assert [record.error for record in alone.values()] == [None] * 5
    assert {record.batch for record in alone.values()} == {1}
    for batch_size, sizes in ((4, {4, 1}), ("auto", {5})):
        together, logits = answered[batch_size][name]
        assert {record.batch for record in together.values()} == sizes
        assert {uid: record.text for uid, record in together.items()} == {uid: one.text for uid, one in alone.items()}
        assert logits.keys() == expected.keys() == together.keys()
        for uid, row in logits.items():
            torch.testing.assert_close(row, expected[uid], atol=1e-5, rtol=1e-5)
        for uid, record in together.items():
            assert record.alignment is not None
            for measure in ("ar", "kl", "js"):
                assert record.alignment[measure] == pytest.approx(alone[uid].alignment[measure], rel=1e-4, abs=1e-5)  # type: ignore[index]
