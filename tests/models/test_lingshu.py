"""Lingshu: Qwen2.5-VL under a name of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_families
import torch

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.interface import install
from lmms_vg.attention.session import Sessions
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.lingshu import Lingshu
from lmms_vg.models.qwen_vl import QwenOptions, QwenVL


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_families.qwen("qwen2_5_vl", tmp_path_factory.mktemp("hub") / "Lingshu-7B")


@torch.no_grad()
def test_it_answers_as_qwen2_5_vl_does(folder: Path) -> None:
    logits = []
    for family in (Lingshu, QwenVL):
        model = family.load(str(folder), None, torch.float32, "cpu", None, "true", QwenOptions(3136, 784))
        install(model.model)
        prompt = tiny_families.ask(model, [(160, 120)])
        logits.append(Batch.open(Sessions(model), [prompt], [prompt]).prefill().logits)
    assert torch.equal(*logits)


@pytest.mark.parametrize("name", ["Lingshu-32B", "lingshu_finetuned"])
def test_a_folder_of_this_name_is_taken(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    place.mkdir()
    config = {"model_type": "qwen2_5_vl"}
    (place / "config.json").write_text(json.dumps(config))
    assert Lingshu.read_own(str(place), None) == config


def test_another_qwen2_5_vl_is_not_run_as_lingshu(tmp_path: Path) -> None:
    """A table's row that says Lingshu must be about Lingshu."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2_5_vl"}))
    with pytest.raises(CheckpointError, match=r"'lingshu' in its name.*--model qwen_vl_plain --model_args pretrained="):
        Lingshu.inspect(str(tmp_path))


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen3_vl", "internvl"])
def test_another_type_of_this_name_is_refused(tmp_path: Path, kind: str) -> None:
    """Lingshu-I is an InternVL."""
    place = tmp_path / "Lingshu-I-8B"
    place.mkdir()
    (place / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(CheckpointError, match=f"model_type '{kind}' is not one the 'lingshu' family loads"):
        Lingshu.inspect(str(place))
