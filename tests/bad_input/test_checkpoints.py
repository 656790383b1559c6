"""Checkpoints that cannot be used, or whose attention is broken."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from asking import GOOD, VGREFINE, copy, good, question, refused
from checkpoints import read_tensors
from llavas import LLAVAS
from safetensors.torch import save_file

from lmms_vg.attention.forward_pass import Pass
from lmms_vg.inference.build import build
from lmms_vg.journal import read_records
from lmms_vg.journal.decoding import Decoding
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.vision.images import open_picture


@pytest.mark.parametrize("family", LLAVAS)
def test_unknown_type_of_checkpoint(checkpoint: Path, tmp_path: Path, family: str) -> None:
    folder = copy(checkpoint, tmp_path / "bert", "config.json")
    (folder / "config.json").write_text('{"model_type": "bert", "num_hidden_layers": 5, "num_attention_heads": 4}')
    message = refused("model_type 'bert'", family, pretrained=str(folder))
    assert "allowed is " in message
    assert LLAVAS[family].pretrained in message
    assert str(folder) in message


@pytest.mark.parametrize(
    ("config", "said"), [("{", "config.json"), ("{}", "num_hidden_layers"), ('{"model_type": "llava"}', "num_hidden")]
)
def test_broken_config(tmp_path: Path, config: str, said: str) -> None:
    (tmp_path / "config.json").write_text(config)
    assert str(tmp_path) in refused(said, pretrained=str(tmp_path))


def test_folder_without_config(checkpoint: Path, tmp_path: Path) -> None:
    folder = copy(checkpoint, tmp_path / "c", "config.json")
    assert "no config.json" in refused(str(folder), pretrained=str(folder))


@pytest.mark.parametrize("name", ["no_such_folder", "/no/such/folder", "some/repository"])
def test_no_such_checkpoint(name: str) -> None:
    assert "no such folder" in refused(name, pretrained=name)


def test_checkpoint_without_weights(checkpoint: Path, tmp_path: Path) -> None:
    folder = copy(checkpoint, tmp_path / "c", "*.safetensors")
    assert "safetensors" in refused("no .*weights", pretrained=str(folder))


@pytest.mark.parametrize("stray", [False, True])
def test_pickled_weights_are_never_read(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stray: bool
) -> None:
    folder = copy(checkpoint, tmp_path / "c", "*.safetensors")
    torch.save(read_tensors(checkpoint / "model.safetensors"), folder / "pytorch_model.bin")
    if stray:  # another safetensors file beside them is no reason to read them either
        save_file({"a": torch.ones(1)}, folder / "adapter.safetensors")
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("a pickle was read"))
    message = refused("safetensors", pretrained=str(folder))
    assert str(folder) in message
    assert stray or ".bin files are pickles" in message


def changed(checkpoint: Path, folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> str:
    copy(checkpoint, folder, "model.safetensors")
    weights = read_tensors(checkpoint / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)


def query(weights: dict[str, torch.Tensor], layer: int) -> str:
    """Name of a layer's query weight in the text model, however the file calls that."""
    (name,) = (
        name for name in weights if name.endswith(f".layers.{layer}.self_attn.q_proj.weight") and "language" in name
    )
    return name


def embedding(weights: dict[str, torch.Tensor]) -> str:
    (name,) = (name for name in weights if name.endswith("embed_tokens.weight"))
    return name


def test_missing_tensors(checkpoint: Path, tmp_path: Path) -> None:
    folder = changed(checkpoint, tmp_path / "c", lambda weights: weights.pop(query(weights, 2)))
    assert "q_proj.weight" in refused("1 weights are missing", pretrained=folder)


def test_tensors_of_another_shape(checkpoint: Path, tmp_path: Path) -> None:
    folder = changed(checkpoint, tmp_path / "c", lambda weights: weights.update({query(weights, 2): torch.ones(2, 2)}))
    assert "q_proj.weight" in refused("1 have another shape", pretrained=folder)


def test_damaged_weights_file(checkpoint: Path, tmp_path: Path) -> None:
    folder = copy(checkpoint, tmp_path / "c")
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    assert str(folder) in refused("weights cannot be loaded", pretrained=str(folder))


@pytest.mark.parametrize(("method", "said"), [("plain", "logits"), ("vgrefine", "attention is not finite")])
@pytest.mark.parametrize("align", [False, True])
def test_attention_that_is_nan(checkpoint: Path, tmp_path: Path, method: str, said: str, align: bool) -> None:
    folder = changed(checkpoint, tmp_path / "c", lambda weights: weights[query(weights, 1)].fill_(float("nan")))
    given = VGREFINE if method == "vgrefine" else {}
    assert "own forward pass are not finite" in refused("load check", "huatuo", method, pretrained=folder, **given)
    answerer = build("huatuo", method, pretrained=folder, self_check=False, **given)
    asked = [good(uid, boxes=[[5, 5, 30, 30]], align=align) for uid in "ab"]
    errors = [str(record.error) for _, record in answerer.answer(asked)]
    assert all(said in error and "not finite" in error for error in errors)
    assert answerer.counts.failed == 2
    assert [record.error for record in read_records([answerer.journal.path])] == errors


@pytest.mark.parametrize("family", ["huatuo", "llava"])
def test_a_configuration_without_a_layer_count_is_refused_for_what_it_is(tmp_path: Path, family: str) -> None:
    """As llava-v1.6's true configuration."""
    (tmp_path / "config.json").write_text('{"model_type": "llava_next", "text_config": {"model_type": "mistral"}}')
    with pytest.raises(CheckpointError, match="llava_next") as problem:
        build(family, "plain", pretrained=str(tmp_path))
    assert "num_hidden_layers" not in str(problem.value)


def test_attention_that_is_nan_behind_the_triage_layers(checkpoint: Path, tmp_path: Path) -> None:
    folder = changed(checkpoint, tmp_path / "c", lambda weights: weights[query(weights, 4)].fill_(float("nan")))
    answerer = build("huatuo", "vgrefine", pretrained=folder, self_check=False, **VGREFINE)
    ((_, record),) = answerer.answer([good("a")])
    assert "logits are not finite" in str(record.error)


@pytest.mark.parametrize("method", ["plain", "vcd"])
def test_logits_that_break_in_a_decode_step(checkpoint: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """The embedding of one question's second answer token overflows: that question fails, those beside it are answered."""
    long = Decoding(max_new_tokens=4, min_new_tokens=4)
    questions = [replace(one, decoding=long) for one in (good("a"), question("b", tiny.picture(2), GOOD))]
    sound = build("huatuo", method, pretrained=str(checkpoint), batch_size=2)
    texts = {one.uid: record.text for one, record in sound.answer(questions)}
    sound.close()
    step, broken = (
        Pass.step,
        build("huatuo", method, pretrained=str(checkpoint), batch_size=2, rows="question"),
    )  # another key

    def overflowing(self: Pass, tokens: torch.Tensor) -> None:
        layout = self.layout
        embed, about = layout.family.embed_text, open_picture(tiny.picture(2)).hash
        about_b = [prompt.image_hashes[0].startswith(about) for prompt in layout.prompts]

        def embedded(ids: torch.Tensor) -> torch.Tensor:
            hidden = embed(ids)
            second = layout.visible.shape[1] + 1 == self._visible.shape[1] - 1
            return hidden.masked_fill(torch.tensor(about_b)[:, None, None], torch.inf) if second else hidden

        with monkeypatch.context() as inside:
            inside.setattr(layout.family, "embed_text", embedded)
            step(self, tokens)

    monkeypatch.setattr(Pass, "step", overflowing)
    records = {one.uid: record for one, record in broken.answer(questions)}
    assert "after 2 answer tokens: the model's logits are not finite" in str(records["b"].error)
    assert (records["a"].error, records["a"].text) == (None, texts["a"])
    assert (broken.counts.answered, broken.counts.failed) == (1, 1)


def test_float16_that_overflows_in_decoding_only(checkpoint: Path, tmp_path: Path) -> None:
    """The row of the embedding that the first answer token has, times 1e7: infinite in float16, and no part of any prompt."""
    first = build("huatuo", "plain", pretrained=str(checkpoint), dtype="float16")
    ((_, record),) = first.answer([good("a")])
    (token, *_) = first.family.tokenizer(record.text, add_special_tokens=False)["input_ids"]
    folder = changed(checkpoint, tmp_path / "c", lambda weights: weights[embedding(weights)][token].mul_(1e7))
    answerer = build("huatuo", "plain", pretrained=folder, dtype="float16")
    ((_, record),) = answerer.answer([good("a")])
    assert re.search(r"after \d answer tokens: .* not finite", str(record.error))
    assert "dtype=float32" in str(record.error)
