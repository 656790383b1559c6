"""Every method on every family: on tiny weights, from a question with boxes to a record with an answer and alignment."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import tiny_families
import torch
from asking import GOOD, question
from checkpoints import edit
from tiny_vila import VilaParts

from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.journal import Journal, Record, read_records
from lmms_vg.methods import METHODS, Method
from lmms_vg.models import Family
from lmms_vg.models.checkpoint import Shape
from lmms_vg.models.llava_med import LlavaMed
from lmms_vg.models.vila_m3 import VilaM3

#: Hyper-parameters that have no default for so small a checkpoint without a head list.
GIVEN: dict[str, dict[str, Any]] = {
    **{key: {"heads": "1-0+2-1", "layers": 2, "k": 2} for key in ("vgrefine", "random_mask", "inverse_mask")},
    "oracle_mask": {"layers": 2},
    "moved_mask": {"layers": 2},
    **{key: {"start": 1, "end": 3} for key in ("vaf", "attention_lens")},
    "vicrop": {"layer": 1},  # a layer that sees the whole image: every other one of the narrow Gemma has a window
}
SIZES = [(160, 120), (90, 200), (160, 120)]


@pytest.fixture(scope="module", params=[*tiny_families.CHECKPOINTS, "llava_med", "vila_m3"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    """A loaded tiny checkpoint of each kind; `huatuo` and `llava` are those of the methods' own tests."""
    folder = tmp_path_factory.mktemp("on") / request.param
    if request.param in tiny_families.CHECKPOINTS:
        return tiny_families.load(request.param, folder)
    if request.param == "vila_m3":
        folder.mkdir()
        return VilaM3.load(str(VilaParts().save(folder)), None, torch.float32, "cpu", None, "true")
    edit(tiny.save(folder, "mistral"), "tokenizer_config.json", {"bos_token": "<pad>"})
    return LlavaMed.load(str(folder), None, torch.float32, "cpu", None, "true")


def method_for(name: str, family: Family) -> Method:
    """The method with its defaults for the checkpoint, or with the values that have none."""
    text = family.text_model
    shape = Shape("tiny", len(text.layers), text.config.num_attention_heads, {}, family.name)
    return METHODS[name].for_checkpoint(shape, **GIVEN.get(name, {}))


@pytest.fixture(scope="module")
def answered(family: Family, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Record]]]:
    """Records of every method, of batches of one and of two; all methods together, which answer as each does alone."""
    asked = [
        question(str(n), tiny.picture(n, *size), f"{GOOD} {n}", boxes=[[10, 10, 60, 70]], align=True)
        for n, size in enumerate(SIZES)
    ]
    made: dict[str, list[dict[str, Record]]] = {name: [] for name in METHODS}
    for batch_size in (1, 2):
        folder = tmp_path_factory.mktemp("journals")
        journals = {name: Journal(folder / name) for name in METHODS}
        runs = [MethodRun(method_for(name, family), journal) for name, journal in journals.items()]
        with closing(Answerer(family, runs, batch_size)) as answerer, torch.no_grad():
            for _ in answerer.answer(asked):
                pass
        for name, journal in journals.items():
            made[name].append({record.uid: record for record in read_records([journal.path])})
    return made


@pytest.mark.parametrize("name", METHODS)
def test_answers_and_alignment(name: str, family: Family, answered: dict[str, list[dict[str, Record]]]) -> None:
    """Images of two shapes in one run; the batch of two has the records of batches of one."""
    for records in answered[name]:
        assert [records[str(n)].error for n in range(len(SIZES))] == [None] * len(SIZES)
    one_by_one, together = answered[name]
    for uid, record in one_by_one.items():
        assert record.alignment is not None
        assert together[uid].alignment is not None
        assert len(record.alignment["kl"]) == len(family.text_model.layers)
        assert np.isfinite(record.alignment["kl"]).all()
        np.testing.assert_allclose(record.alignment["kl"], together[uid].alignment["kl"], rtol=1e-3, atol=1e-4)
        assert record.text == together[uid].text


@pytest.mark.parametrize("name", ["internvl", "internvl-thumbnail", "llava_next", "llava_next-fine"])
def test_boxes_hide_the_rest_of_every_view(name: str, tmp_path: Path) -> None:
    """An oracle that hid only the measured view would leave the whole image to see in the other."""
    family = tiny_families.load(name, tmp_path / name)
    answerer = Answerer(family, [MethodRun(method_for("oracle_mask", family), Journal(tmp_path / "journal"))])
    box = (10, 10, 60, 70)
    (_, record), *_ = answerer.answer([question("one", tiny.picture(1, 160, 120), GOOD, boxes=[list(box)])])
    answerer.close()
    views = family.views(160, 120)
    assert len(views) == 2
    outside = sum(int((~view.patch_mask([box])).sum()) for view in views)
    assert record.extras["hidden_tokens"] == outside
