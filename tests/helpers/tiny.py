"""Tiny random checkpoints in the exact layouts that families load, built offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import (
    AutoConfig,
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
)

from lmms_vg.demo.model import build_tokenizer

SIDE, PATCH = 48, 8  # 6 x 6 = 36 image tokens
LAYERS, HEADS = 5, 4


def config(
    kind: str = "qwen2",
    layers: int = LAYERS,
    strategy: str = "default",
    side: int = SIDE,
    patch: int = PATCH,
    longest: int = 512,
) -> LlavaConfig:
    """A LLaVA configuration with a `kind` text model (qwen2, llama or mistral) for prompts of `longest` tokens."""
    tokenizer = build_tokenizer()
    text = AutoConfig.for_model(
        kind,
        vocab_size=len(tokenizer) + 8,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        num_key_value_heads=2,
        max_position_embeddings=longest,
        initializer_range=0.25,  # large enough for attention to be far from uniform
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **({"sliding_window": None} if kind == "mistral" else {}),
    )
    vision = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=side,
        patch_size=patch,
        projection_dim=32,
        initializer_range=0.25,
    )
    return LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-2,
        vision_feature_select_strategy=strategy,
    )


def model(kind: str = "qwen2", seed: int = 0, **changes: Any) -> LlavaForConditionalGeneration:
    """Random weights from a seed, with large attention biases, as Qwen2 has them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlavaForConditionalGeneration(config(kind, **changes)).float().eval()
        for name, weight in model.named_parameters():
            if name.endswith(("q_proj.bias", "k_proj.bias")) and "language_model" in name:
                torch.nn.init.normal_(weight, std=1.0)
    return model


def save(folder: Path, kind: str = "qwen2", seed: int = 0, **changes: Any) -> Path:
    """A checkpoint folder in transformers' layout."""
    folder.mkdir(parents=True, exist_ok=True)
    model(kind, seed, **changes).save_pretrained(folder)
    save_processors(folder, changes.get("side", SIDE))
    return folder


def save_processors(folder: Path, side: int = SIDE) -> None:
    build_tokenizer().save_pretrained(folder)
    square = {"height": side, "width": side}
    CLIPImageProcessor(size={"shortest_edge": side}, crop_size=square).save_pretrained(folder)


def picture(seed: int = 0, width: int = 60, height: int = 44) -> Image.Image:
    """Random RGB pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)
