"""Answers and logits do not depend on how many questions share a batch, for every method and text model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from asking import GOOD, question
from checkpoints import load
from PIL import Image
from torch import Tensor

from lmms_vg.attention import decoding
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.inference import asking
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Question
from lmms_vg.journal import Journal, Record
from lmms_vg.methods import METHODS
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


def answered(
    family: Family, name: str, batch_size: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Record], dict[str, Tensor]]:
    """Return the records, and the logits of the first answer token of each prompt."""
    logits: dict[str, Tensor] = {}

    def seen(answering: Pass, settings: Any, keys: list[str], *rest: Any) -> list[list[int]]:
        logits.update(zip(keys, answering.logits, strict=True))
        return decoding.decode(answering, settings, keys, *rest)

    monkeypatch.setattr(asking, "decode", seen)
    method = METHODS[name].for_checkpoint(SHAPE, **CASES.get(name, {}))
    answerer = Answerer(family, [MethodRun(method, Journal(folder / str(batch_size)))], batch_size)
    records = {one.uid: record for one, record in answerer.answer(questions())}
    answerer.close()
    assert [record.error for record in records.values()] == [None] * 5
    return records, logits


@pytest.mark.parametrize("name", list(METHODS))
def test_batch_sizes_agree(family: Family, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, expected = answered(family, name, 1, tmp_path, monkeypatch)
    assert {record.batch for record in alone.values()} == {1}
    for batch_size, sizes in ((4, {4, 1}), ("auto", {5})):
        together, logits = answered(family, name, batch_size, tmp_path, monkeypatch)
        assert {record.batch for record in together.values()} == sizes
        assert {uid: record.text for uid, record in together.items()} == {uid: alone[uid].text for uid in together}
        assert logits.keys() == expected.keys()
        for key, row in logits.items():
            torch.testing.assert_close(row, expected[key], atol=1e-5, rtol=1e-5)
        for uid, record in together.items():
            assert record.alignment is not None
            for measure in ("ar", "kl", "js"):
                assert record.alignment[measure] == pytest.approx(alone[uid].alignment[measure], rel=1e-4, abs=1e-5)  # type: ignore[index]
