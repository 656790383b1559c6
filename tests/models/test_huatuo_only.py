"""Family `huatuo` uses HuatuoGPT-Vision's prompt, so it takes only HuatuoGPT-Vision and models made for that prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
from checkpoints import edit, load, original_layout
from tokenizers import Tokenizer

from lmms_vg.inference.build import resolve
from lmms_vg.models import FAMILIES
from lmms_vg.models.checkpoint import CheckpointError

HF = {
    "model_type": "llava",
    "image_token_index": 151_665,
    "text_config": {
        "model_type": "qwen2",
        "hidden_size": 3584,
        "vocab_size": 152_064,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
    },
    "vision_config": {"model_type": "clip_vision_model", "image_size": 336, "patch_size": 14},
}
ORIGINAL = {
    "model_type": "llava_llama",
    "hidden_size": 7168,
    "vocab_size": 64_000,
    "num_hidden_layers": 60,
    "num_attention_heads": 56,
    "mm_vision_tower": "./vit/clip_vit_large_patch14_336",
    "mm_projector_type": "mlp2x_gelu",
}


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        (HF, {}),
        (HF, {"text_config.vocab_size": 152_128, "image_token_index": 151_646}),
        (
            HF,
            {
                "text_config": {"model_type": "llama", "hidden_size": 7168, "vocab_size": 64_064}
                | {"num_hidden_layers": 60, "num_attention_heads": 56},
                "image_token_index": 64_000,
            },
        ),
        (ORIGINAL, {}),
        (ORIGINAL, {"model_type": "llava_qwen2", "hidden_size": 3584, "vocab_size": 152_064}),
    ],
)
def test_huatuogpt_vision_is_taken(tmp_path: Path, config: dict[str, Any], changes: dict[str, Any]) -> None:
    edit(tmp_path, "config.json", config | {})
    edit(tmp_path, "config.json", changes)
    assert FAMILIES["huatuo"].inspect(str(tmp_path)).family == "huatuo"


@pytest.mark.parametrize(
    ("config", "changes", "named"),
    [
        # LLaVA with other text models: 1.5, LLaVA-Med converted, Qwen1.5, Yi-6B, Qwen2-72B
        (HF, {"text_config": {"model_type": "llama", "vocab_size": 32_064}}, "vocabulary of 32064"),
        (HF, {"text_config.model_type": "mistral", "text_config.vocab_size": 32_064}, "'mistral'"),
        (HF, {"text_config.vocab_size": 152_000}, "152000"),
        (HF, {"text_config": {"model_type": "llama", "hidden_size": 4096, "vocab_size": 64_000}}, "width 4096"),
        (HF, {"text_config.hidden_size": 8192}, "width 8192"),
        (HF, {"image_token_index": 151_655}, "151655"),
        (HF, {"vision_config.image_size": 384}, "384"),
        (HF, {"model_type": "llava_next"}, "model_type 'llava_next'"),
        # original layouts: LLaVA-Med, LLaVA-1.5, LLaVA-1.6 (34B has HuatuoGPT-Vision-34B's text model), MPT
        (ORIGINAL, {"model_type": "llava_mistral"}, "llava_mistral"),
        (ORIGINAL, {"model_type": "llava"}, "'llava'"),
        (ORIGINAL, {"model_type": "llava_mpt"}, "llava_mpt"),
        (ORIGINAL, {"hidden_size": 4096, "vocab_size": 32_000}, "vocabulary of 32000"),
        (ORIGINAL, {"image_aspect_ratio": "anyres"}, "image_aspect_ratio='anyres'"),
        (ORIGINAL, {"mm_patch_merge_type": "spatial_unpad"}, "mm_patch_merge_type='spatial_unpad'"),
    ],
)
@pytest.mark.parametrize("method", ["plain", "vgrefine"])
def test_any_other_llava_is_refused_first_and_by_name(
    tmp_path: Path, config: dict[str, Any], changes: dict[str, Any], named: str, method: str
) -> None:
    """The refusal comes before any message about the method's heads, which nobody could calibrate for it."""
    edit(tmp_path, "config.json", config | {})
    edit(tmp_path, "config.json", changes)
    with pytest.raises(CheckpointError, match=named) as caught:
        resolve("huatuo", method, {"pretrained": str(tmp_path)})
    assert str(tmp_path) in str(caught.value)


def test_the_message_names_the_command_to_use_instead(tmp_path: Path) -> None:
    edit(tmp_path, "config.json", HF | {"text_config": {"model_type": "llama"}})
    with pytest.raises(CheckpointError, match=f"--model llava_plain --model_args pretrained={tmp_path}"):
        FAMILIES["huatuo"].inspect(str(tmp_path))
    assert FAMILIES["llava"].inspect(str(tmp_path)).layers == 32


@pytest.mark.parametrize("change", ["absent", "special"])
def test_a_small_model_needs_the_role_marks_as_words(tmp_path: Path, change: str) -> None:
    """They are absent, as in Llama's vocabulary, or special tokens with another meaning, as in Phi-3's and Falcon 3's."""
    folder = tiny.save(tmp_path / "tiny")
    assert load("huatuo", folder).name == "huatuo"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    if change == "special":
        tokenizer.add_special_tokens(["<|user|>", "<|assistant|>"])
        tokenizer.save(str(folder / "tokenizer.json"))
    else:
        text = tokenizer.to_str().replace("<|user|>", "<|human|>")
        (folder / "tokenizer.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"not a HuatuoGPT-Vision.*--model llava_plain"):
        load("huatuo", folder)
    assert load("llava", folder).name == "llava"


def test_a_tiny_original_layout_of_another_kind_is_refused_although_it_knows_the_prompt(tmp_path: Path) -> None:
    folder = original_layout(tiny.save(tmp_path / "hf", "llama"), tmp_path / "old", "llama")
    assert load("huatuo", folder).name == "huatuo"
    edit(folder, "config.json", {"model_type": "llava_mistral"})
    with pytest.raises(CheckpointError, match="llava_mistral"):
        load("huatuo", folder)
