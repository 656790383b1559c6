"""Operations by formula against torch's own counter, on a tiny LLaVA; and utilisation by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPVisionConfig, LlavaConfig, LlavaForConditionalGeneration, Qwen2Config

from benchmarks.checkpoint import HUATUO_7B
from benchmarks.gpu import flops


@pytest.fixture(scope="module")
def model() -> LlavaForConditionalGeneration:
    """Eager attention, whose products the counter sees; heads of 16 channels, so that H d is not the width."""
    config = LlavaConfig(
        text_config=Qwen2Config(
            vocab_size=97,
            hidden_size=48,
            intermediate_size=80,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
        ),
        vision_config=CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=56,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=28,
            patch_size=14,
        ),
        image_token_index=96,
        vision_feature_layer=-1,
    )
    config._attn_implementation = "eager"
    return LlavaForConditionalGeneration(config).eval()


def counted(run) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    return counter.get_total_flops()


def test_text_model_and_head(model: LlavaForConditionalGeneration) -> None:
    config = model.config.text_config
    ids = torch.arange(11)[None]
    expected = flops.text(config, 11) + flops.head(config)
    assert counted(lambda: model(input_ids=ids, logits_to_keep=1, use_cache=False)) == expected


def test_tokens_behind_a_cache(model: LlavaForConditionalGeneration) -> None:
    config = model.config.text_config
    with torch.no_grad():
        cache = model(input_ids=torch.arange(11)[None], use_cache=True).past_key_values
    ids = torch.arange(5)[None]
    count = counted(lambda: model(input_ids=ids, past_key_values=cache, logits_to_keep=1))
    assert count == flops.text(config, 5, 11) + flops.head(config)
    assert count < flops.text(config, 16) + flops.head(config)


def test_image(model: LlavaForConditionalGeneration) -> None:
    pixels = torch.randn(1, 3, 28, 28)
    assert counted(lambda: model.get_image_features(pixel_values=pixels)) == flops.image(model.config)


def test_layers_above_the_features_are_not_needed(model: LlavaForConditionalGeneration) -> None:
    """Features of the last layer but one leave a layer out, as the number of the layer does."""
    whole = flops.image(model.config)
    model.config.vision_feature_layer = -2
    below = flops.image(model.config)
    model.config.vision_feature_layer = 1
    assert below == flops.image(model.config) < whole
    model.config.vision_feature_layer = -1


@pytest.mark.parametrize(
    ("card", "dtype", "expected"),
    [
        ("NVIDIA H100 80GB HBM3", torch.bfloat16, 989e12),
        ("NVIDIA H100 PCIe", torch.bfloat16, 756e12),
        ("NVIDIA A100-SXM4-80GB", torch.float16, 312e12),
        ("NVIDIA L40S", torch.bfloat16, 362e12),
        ("NVIDIA H100 80GB HBM3", torch.float32, None),
        ("Some other card", torch.bfloat16, None),
    ],
)
def test_peaks(card: str, dtype: torch.dtype, expected: float | None) -> None:
    assert flops.peak(card, dtype) == expected


def test_the_large_model_has_the_shape_of_huatuo(shared_data: Path) -> None:
    published = json.loads((shared_data / "checkpoints" / "HuatuoGPT-Vision-7B" / "config.json").read_text())
    size = HUATUO_7B
    assert size.heads == published["num_attention_heads"]
    assert (size.layers, size.hidden) == (published["num_hidden_layers"], published["hidden_size"])
    assert (size.intermediate, size.vocabulary) == (published["intermediate_size"], published["vocab_size"])
    assert size.key_value_heads == published["num_key_value_heads"]
    assert size.head * size.heads == size.hidden
    assert (size.vision_hidden, size.image_tokens) == (published["mm_hidden_size"], 576)


def test_operations_of_the_large_model_are_two_per_parameter() -> None:
    """A token costs twice the 6.53 billion parameters of Qwen2-7B's layers, and a little attention."""
    config = Qwen2Config(
        hidden_size=HUATUO_7B.hidden,
        intermediate_size=HUATUO_7B.intermediate,
        num_hidden_layers=HUATUO_7B.layers,
        num_attention_heads=HUATUO_7B.heads,
        num_key_value_heads=HUATUO_7B.key_value_heads,
    )
    assert flops.text(config, 600) / 600 == pytest.approx(2 * 6.53e9, rel=0.03)
