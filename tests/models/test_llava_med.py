"""Family `llava_med`: LLaVA-Med's layout on tiny weights, against CLIP, a projector and Mistral put together by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from checkpoints import edit, edited
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel, MistralConfig, MistralForCausalLM

from lmms_vg.models import original_layout
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.llava_med import LlavaMed
from lmms_vg.vision.images import open_picture

QUESTION = "Is there a fracture?"
TOWER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 48,
    "patch_size": 8,
    "projection_dim": 32,
}


class Reference:
    """The three parts of LLaVA-Med with random weights, run as its own code runs them."""

    def __init__(self, vocabulary: int) -> None:
        torch.manual_seed(0)
        self.text = MistralConfig(
            vocab_size=vocabulary,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            rms_norm_eps=1e-5,
            rope_parameters={"rope_type": "default", "rope_theta": 1e6},
            sliding_window=None,
            initializer_range=0.25,
        )
        self.mistral = MistralForCausalLM(self.text).eval()
        self.clip = CLIPVisionModel(CLIPVisionConfig(**TOWER, initializer_range=0.25)).eval()
        self.projector = nn.Sequential(nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 32))

    def tensors(self) -> dict[str, Tensor]:
        """All weights under the names that LLaVA's code gives them."""
        tower = {name.removeprefix("vision_model."): weight for name, weight in self.clip.state_dict().items()}
        return {
            **self.mistral.state_dict(),
            **{f"model.vision_tower.vision_tower.vision_model.{name}": weight for name, weight in tower.items()},
            **{f"model.mm_projector.{name}": weight for name, weight in self.projector.state_dict().items()},
        }

    @torch.no_grad()
    def logits(self, before: list[int], image: Image.Image, after: list[int]) -> Tensor:
        """Logits (T, V) of an image, padded to a square with CLIP's mean colour, between two pieces of text."""
        processor = CLIPImageProcessor(size={"shortest_edge": 48}, crop_size={"height": 48, "width": 48})
        side = max(image.size)
        square = np.empty((side, side, 3), dtype=np.uint8)
        square[:] = [int(mean * 255) for mean in processor.image_mean]
        left, top = (side - image.width) // 2, (side - image.height) // 2
        square[top : top + image.height, left : left + image.width] = np.asarray(image)
        pixels = processor(images=Image.fromarray(square), return_tensors="pt")["pixel_values"]
        seen = self.clip(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
        words = [self.mistral.model.embed_tokens(torch.tensor([ids])) for ids in (before, after)]
        embedded = torch.cat([words[0], self.projector(seen), words[1]], dim=1)
        return self.mistral(inputs_embeds=embedded).logits[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Reference]:
    """A folder with the very files of microsoft/llava-med-v1.5-mistral-7b: tokenizer.model only, and no image processor."""
    from sentencepiece import SentencePieceTrainer

    folder = tmp_path_factory.mktemp("llava_med")
    text = [f"[INST] Is there a fracture of rib number {number}? [/INST] no" for number in range(50)]
    SentencePieceTrainer.train(
        sentence_iterator=iter(text),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=320,
        model_type="bpe",
        byte_fallback=True,
        hard_vocab_limit=False,
        normalization_rule_name="identity",
    )
    settings = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    reference = Reference(len((folder / "tokenizer.vocab").read_text().splitlines()))
    save_file({name: weight.contiguous() for name, weight in reference.tensors().items()}, folder / "model.safetensors")
    text_config = reference.text
    fields = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    more = ("num_key_value_heads", "max_position_embeddings", "rms_norm_eps", "hidden_act", "initializer_range")
    stored = {field: getattr(text_config, field) for field in fields + more} | {
        "architectures": ["LlavaMistralForCausalLM"],
        "model_type": "llava_mistral",
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "freeze_mm_mlp_adapter": False,
        "image_aspect_ratio": "pad",
        "mm_hidden_size": 1024,
        "mm_patch_merge_type": "flat",
        "mm_projector_lr": 2e-05,
        "mm_projector_type": "mlp2x_gelu",
        "mm_use_im_patch_token": False,
        "mm_use_im_start_end": False,
        "mm_vision_select_feature": "patch",
        "mm_vision_select_layer": -2,
        "mm_vision_tower": "openai/clip-vit-large-patch14-336",
        "rope_theta": 1e6,
        "sliding_window": None,
        "tie_word_embeddings": False,
    }
    (folder / "config.json").write_text(json.dumps(stored))
    return folder, reference


@pytest.fixture(autouse=True)
def small_tower(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the tower stands for CLIP ViT-L/14-336; here it is a smaller one."""
    monkeypatch.setattr(original_layout, "CLIP_L_336", TOWER)


def load(folder: Path) -> LlavaMed:
    family = LlavaMed.load(str(folder), None, torch.float32, "cpu", None, "true", LlavaMed.options())
    assert isinstance(family, LlavaMed)
    return family


@pytest.mark.parametrize("size", [(60, 44), (44, 60)])
def test_the_original_layout_equals_its_parts_put_together(made: tuple[Path, Reference], size: tuple[int, int]) -> None:
    """Token ids as LLaVA-Med's code makes them, piece by piece around the image, and the logits of the whole."""
    folder, reference = made
    family = load(folder)
    image = tiny.picture(3, *size)
    prompt = family.prompt([open_picture(image), QUESTION])
    before, after = (
        family.tokenizer(piece, add_special_tokens=False)["input_ids"] for piece in ("[INST] ", f"\n{QUESTION} [/INST]")
    )
    before = [1, *before]
    ids = prompt.input_ids.tolist()
    assert ids == [*before, *[family.image_id] * 36, *after]
    expected = reference.logits(before, image, after)
    with torch.inference_mode():
        prefix = family.embed([prompt]).hidden
        hidden = torch.cat([prefix, family.embed_text(prompt.input_ids[None, prompt.prefix :])], dim=1)
        logits = family.lm_head(family.text_model(inputs_embeds=hidden).last_hidden_state)[0]
    assert torch.allclose(logits, expected, atol=1e-4)
    assert family.stop_ids == {2}
    start, stop = prompt.question
    assert family.tokenizer.decode(ids[start:stop]).strip() == QUESTION


def bos(**settings: object) -> Callable[[Path], None]:
    return lambda folder: edit(folder, "tokenizer_config.json", settings)


def as_json(folder: Path) -> None:
    """A tokenizer.json instead, as conversions have it, which adds the token by itself."""
    tokenizer = load(folder).tokenizer
    (folder / "tokenizer.model").unlink()
    tokenizer.save_pretrained(folder)


@pytest.mark.parametrize("change", [bos(), bos(add_bos_token=True), bos(add_bos_token=False), as_json])
def test_a_prompt_begins_with_one_begin_of_text_token(
    made: tuple[Path, Reference], tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """transformers leaves it out where the settings of a tokenizer.model do not ask for it."""
    folder = tmp_path / "copy"
    shutil.copytree(made[0], folder)
    change(folder)
    ids = load(folder).prompt([open_picture(tiny.picture()), QUESTION]).input_ids.tolist()
    assert ids[0] == 1
    assert ids.count(1) == 1


def test_a_tokenizer_without_a_begin_of_text_token_is_refused(tmp_path: Path) -> None:
    folder = tiny.save(tmp_path / "hf", "mistral")
    with pytest.raises(CheckpointError, match=r"0 begin-of-text tokens \(bos_token=None\).*tokenizer_config\.json"):
        load(folder)


def test_a_conversion_is_asked_in_the_same_prompt(tmp_path: Path) -> None:
    """Its images are padded too, which its own processor does not do; a control mark in a question is broken up."""
    folder = tiny.save(tmp_path / "hf", "mistral")
    edit(folder, "tokenizer_config.json", {"bos_token": "<pad>"})
    family = load(folder)
    prompt = family.prompt([open_picture(tiny.picture(0, 60, 30)), "is [/INST] there <image>?"])
    assert prompt.text == "[INST] <image>\nis [ /INST] there < image>? [/INST]"
    assert prompt.images[0].views[0].patch_mask([(0, 0, 60, 1)]).sum(1).tolist() == [0, 6, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("kind", "changes", "named"),
    [
        ("qwen2", {}, r"text model is 'qwen2'; allowed is 'mistral'.*llava_plain"),
        ("mistral", {"model_type": "llava_next"}, "model_type 'llava_next'"),
    ],
)
def test_another_llava_is_refused(tmp_path: Path, kind: str, changes: dict[str, Any], named: str) -> None:
    folder = tiny.save(tmp_path / "hf", kind)
    edit(folder, "config.json", changes)
    with pytest.raises(CheckpointError, match=named):
        load(folder)


@pytest.mark.parametrize(
    "change", [{"image_aspect_ratio": "anyres"}, {"mm_use_im_start_end": True}, {"mm_projector_type": "linear"}]
)
def test_an_original_layout_with_other_images_is_refused(
    made: tuple[Path, Reference], tmp_path: Path, change: dict[str, Any]
) -> None:
    folder = edited(made[0], tmp_path / "copy", "config.json", change)
    (field, value) = next(iter(change.items()))
    with pytest.raises(CheckpointError, match=f"{field}={value!r}"):
        load(folder)
