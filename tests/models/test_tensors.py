"""Every tensor of a checkpoint has a place in the model that runs, or the checkpoint is refused and they are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch
from checkpoints import edit, load, original_layout, reweighted, sharded
from torch import Tensor
from transformers import LlavaForConditionalGeneration, SiglipVisionConfig

from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.weights import fingerprint
from lmms_vg.vision.images import open_picture

#: Family, and whether the checkpoint is in LLaVA's original layout.
LAYOUTS = [("llava", False), ("huatuo", False), ("huatuo", True)]


@pytest.fixture(scope="module", params=LAYOUTS, ids=["llava", "huatuo", "original"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    family, original = request.param
    root = tmp_path_factory.mktemp("tensors")
    folder = tiny.save(root / "hf", "qwen2")
    return family, original_layout(folder, root / "original", "qwen2") if original else folder


def query(weights: dict[str, Tensor]) -> str:
    """The name of a query weight of the text model, without "weight"."""
    (name,) = (n for n in weights if n.endswith("layers.1.self_attn.q_proj.weight") and "vision" not in n)
    return name.removesuffix("weight")


def scaled_float8(weights: dict[str, Tensor]) -> None:
    name = query(weights)
    scale = weights[f"{name}weight"].abs().max() / 448
    weights[f"{name}weight"] = (weights[f"{name}weight"] / scale).to(torch.float8_e4m3fn)
    weights[f"{name}weight_scale"] = scale


def lora(weights: dict[str, Tensor]) -> None:
    weights[f"{query(weights)}lora_A.weight"] = torch.ones(2, 32)
    weights[f"{query(weights)}lora_B.weight"] = torch.ones(32, 2)


def newline(weights: dict[str, Tensor]) -> None:
    weights["model.image_newline"] = torch.ones(32)


STRANGE: list[tuple[Callable[[dict[str, Tensor]], object], str]] = [
    (scaled_float8, "weight_scale"),
    (lora, "lora_A"),
    (newline, "image_newline"),
]


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize(("change", "name"), STRANGE, ids=[name for _, name in STRANGE])
def test_tensors_without_a_place_are_named(
    checkpoint: tuple[str, Path],
    tmp_path: Path,
    change: Callable[[dict[str, Tensor]], object],
    name: str,
    shards: int,
) -> None:
    family, source = checkpoint
    folder = reweighted(source, tmp_path / "c", change)
    with pytest.raises(CheckpointError, match=name) as caught:
        load(family, sharded(folder) if shards == 2 else folder)
    assert str(folder) in str(caught.value)


def test_one_layer_too_few_in_the_configuration(checkpoint: tuple[str, Path], tmp_path: Path) -> None:
    """The layer that config.json leaves out was trained; without the refusal it would silently not run."""
    family, source = checkpoint
    folder = reweighted(source, tmp_path / "c", lambda weights: None)
    prefix = "" if (folder / "vit").exists() else "text_config."
    edit(folder, "config.json", {f"{prefix}num_hidden_layers": tiny.LAYERS - 1})
    edit(folder, "config.json", {f"{prefix}layer_types": None})
    with pytest.raises(CheckpointError, match=rf"layers\.{tiny.LAYERS - 1}\."):
        load(family, folder)


@pytest.mark.parametrize("shards", [1, 2])
def test_buffers_that_follow_from_the_configuration_are_no_weights(
    checkpoint: tuple[str, Path], tmp_path: Path, shards: int
) -> None:
    """Releases before transformers 4.31 saved them; the model is the same, tensor by tensor."""
    family, source = checkpoint

    def buffers(weights: dict[str, Tensor]) -> None:
        weights[f"{query(weights).removesuffix('q_proj.')}rotary_emb.inv_freq"] = torch.ones(4)
        (tower,) = (name for name in weights if name.endswith("embeddings.position_embedding.weight"))
        weights[tower.replace("position_embedding.weight", "position_ids")] = torch.arange(37)[None]

    folder = reweighted(source, tmp_path / "c", buffers)
    changed = load(family, sharded(folder) if shards == 2 else folder)
    assert fingerprint(changed.model) == fingerprint(load(family, source).model)


def test_an_adapter_is_never_loaded_by_the_way(checkpoint: tuple[str, Path], tmp_path: Path) -> None:
    """Transformers would add the adapter to the weights if peft is installed, and not otherwise."""
    family, source = checkpoint
    folder = reweighted(source, tmp_path / "c", lambda weights: None)
    edit(folder, "adapter_config.json", {"base_model_name_or_path": "some/base", "peft_type": "LORA"})
    with pytest.raises(CheckpointError, match=r"adapter_config\.json.*some/base"):
        load(family, folder)


def test_one_matrix_stored_for_two_is_tied(tmp_path: Path) -> None:
    folder = reweighted(
        tiny.save(tmp_path / "hf"), tmp_path / "c", lambda weights: weights.pop("language_model.lm_head.weight")
    )
    with pytest.raises(CheckpointError, match=r"1 weights are missing.*lm_head"):
        load("llava", folder)
    edit(folder, "config.json", {"text_config.tie_word_embeddings": True})
    family = load("llava", folder)
    assert family.lm_head.weight is family.text_model.embed_tokens.weight


def test_a_tower_without_class_token_keeps_its_first_patch(tmp_path: Path) -> None:
    """With "default" SigLIP would lose a patch, and every question would fail."""
    tower = SiglipVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=tiny.SIDE,
        patch_size=tiny.PATCH,
        vision_use_head=False,
    )
    settings = tiny.config(strategy="full")
    settings.vision_config = tower
    LlavaForConditionalGeneration(settings).save_pretrained(tmp_path)
    tiny.save_processors(tmp_path)
    family = load("llava", tmp_path)
    prompt = family.prompt([open_picture(tiny.picture()), "Where is the nodule?"])
    assert family.embed([prompt]).hidden.shape[1] == prompt.prefix
    assert len(prompt.image_tokens) == (tiny.SIDE // tiny.PATCH) ** 2
    edit(tmp_path, "config.json", {"vision_feature_select_strategy": "default"})
    with pytest.raises(CheckpointError, match="vision_feature_select_strategy='default'"):
        load("llava", tmp_path)
    edit(tmp_path, "config.json", {"vision_feature_select_strategy": "full", "vision_config.vision_use_head": True})
    with pytest.raises(CheckpointError, match=r"weights are missing.*head"):
        load("llava", tmp_path)
