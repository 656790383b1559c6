"""Tiny random checkpoints of every family whose image tokens are not CLIP's plain square, in the layouts of the hub.

Weights are large enough for attention to be far from uniform, so that a fault in positions or masks shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import tiny
import torch
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    CLIPVisionConfig,
    Gemma3Config,
    Gemma3ImageProcessor,
    InternVLConfig,
    LlavaNextConfig,
    LlavaNextImageProcessor,
    Qwen2_5_VLConfig,
    Qwen2VLConfig,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
)
from transformers.models.got_ocr2.image_processing_got_ocr2 import GotOcr2ImageProcessor

from lmms_vg.demo.model import build_tokenizer
from lmms_vg.models import Family, Prompt
from lmms_vg.models.image_text import ImageText
from lmms_vg.models.internvl import InternVL
from lmms_vg.models.llava_next import LlavaNext
from lmms_vg.models.medgemma import MedGemma
from lmms_vg.models.qwen_vl import QwenVL
from lmms_vg.vision.images import open_picture

LAYERS, HEADS = 4, 4
TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "bos_token_id": None,
}
VISION: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64}
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for c in m.content %}{% if c.type == 'image' %}IMAGE{% else %}"
    "{{ c.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)


def _tokenizer(*marks: str, image: str) -> Any:
    tokenizer = build_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>", *marks]})
    tokenizer.chat_template = CHATML.replace("IMAGE", image)
    return tokenizer


def _write(folder: Path, config: Any, tokenizer: Any, processor: Any) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForImageTextToText.from_config(config).float()
        for name, weight in model.named_parameters():
            if weight.ndim >= 2:
                torch.nn.init.normal_(weight, std=1.5 / math.sqrt(weight.shape[-1]))
            elif "norm" not in name:
                torch.nn.init.normal_(weight, std=0.3)
    for part in (model, tokenizer, processor):
        part.save_pretrained(folder)
    return folder


def qwen(kind: str, folder: Path) -> Path:
    """`kind` is the model type; patches of 14 or 16 pixels, four to a token."""
    marks = {"vision_start": "<|vision_start|>", "image": "<|image_pad|>", "vision_end": "<|vision_end|>"}
    tokenizer = _tokenizer(*marks.values(), image="".join(marks.values()))
    ids = {f"{name}_token_id": tokenizer.convert_tokens_to_ids(mark) for name, mark in marks.items()}
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]}
    patches = {"spatial_merge_size": 2, "temporal_patch_size": 2, "num_heads": 2}
    text = TEXT | {"vocab_size": len(tokenizer) + 4, "rope_parameters": rope}
    config: Any
    if kind == "qwen2_vl":
        tower = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "mlp_ratio": 2, "patch_size": 14, **patches}
        config = Qwen2VLConfig(text_config=text, vision_config=tower, **ids)
    elif kind == "qwen2_5_vl":
        windows = {"window_size": 56, "fullatt_block_indexes": [1]}
        tower = VISION | {"depth": 2, "out_hidden_size": 32, "patch_size": 14, **patches, **windows}
        config = Qwen2_5_VLConfig(text_config=text, vision_config=tower, **ids)
    else:
        text |= {"head_dim": 8, "rope_parameters": rope | {"mrope_section": [2, 1, 1], "mrope_interleaved": True}}
        tower = VISION | {"depth": 3, "out_hidden_size": 32, "patch_size": 16, **patches}
        tower |= {"deepstack_visual_indexes": [0, 1, 2], "num_position_embeddings": 64}
        config = Qwen3VLConfig(text_config=text, vision_config=tower, **ids)
    side = config.vision_config.patch_size
    return _write(
        folder, config, tokenizer, Qwen2VLImageProcessor(patch_size=side, merge_size=2, temporal_patch_size=2)
    )


def gemma(window: int, folder: Path, side: int = 112, grain: int = 28) -> Path:
    """Images of `side` pixels, a token per `grain` pixels; every other layer attends to `window` tokens."""
    marks = {"boi": "<start_of_image>", "image": "<image_soft_token>", "eoi": "<end_of_image>"}
    tokenizer = _tokenizer(*marks.values(), image="<start_of_image>")
    ids = {f"{name}_token_index": tokenizer.convert_tokens_to_ids(mark) for name, mark in marks.items()}
    kinds = ["sliding_attention", "full_attention"] * (LAYERS // 2)
    text = TEXT | {"vocab_size": len(tokenizer) + 4, "head_dim": 8, "query_pre_attn_scalar": 8}
    config = Gemma3Config(
        text_config=text | {"sliding_window": window, "layer_types": kinds},
        vision_config=VISION | {"num_hidden_layers": 2, "num_attention_heads": 2, "image_size": side, "patch_size": 14},
        mm_tokens_per_image=(side // grain) ** 2,
        **ids,
    )
    return _write(folder, config, tokenizer, Gemma3ImageProcessor(size={"height": side, "width": side}))


def internvl(kind: str, folder: Path, side: int = 56) -> Path:
    """Tiles of `side` pixels, a token per 28 pixels; `kind` is the text model's type."""
    tokenizer = _tokenizer("<img>", "</img>", "<IMG_CONTEXT>", image="<IMG_CONTEXT>\n")
    more = {"head_dim": 8} if kind == "qwen3" else {}
    config = InternVLConfig(
        text_config=AutoConfig.for_model(kind, vocab_size=len(tokenizer) + 4, **TEXT, **more),
        vision_config=VISION
        | {"num_hidden_layers": 2, "num_attention_heads": 2, "image_size": [side, side], "patch_size": [14, 14]},
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=(side // 28) ** 2,
    )
    return _write(folder, config, tokenizer, GotOcr2ImageProcessor(size={"height": side, "width": side}))


def llava_next(kind: str, folder: Path, side: int = 56) -> Path:
    """Tiles of `side` pixels, a token per 14 pixels, in the five canvases of the released models."""
    tokenizer = _tokenizer(image="<image>\n")
    pinpoints = [[high * side, wide * side] for high, wide in ((1, 2), (2, 1), (2, 2), (3, 1), (1, 3))]
    config = LlavaNextConfig(
        text_config=AutoConfig.for_model(
            kind, vocab_size=len(tokenizer) + 4, **TEXT, **({"sliding_window": None} if kind == "mistral" else {})
        ),
        vision_config=CLIPVisionConfig(
            **VISION, num_hidden_layers=2, num_attention_heads=2, image_size=side, patch_size=14, projection_dim=32
        ),
        image_grid_pinpoints=pinpoints,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-2,
    )
    square = {"height": side, "width": side}
    processor = LlavaNextImageProcessor(size={"shortest_edge": side}, crop_size=square, image_grid_pinpoints=pinpoints)
    return _write(folder, config, tokenizer, processor)


#: Name of a tiny checkpoint -> its family, the family's settings, and the function that writes it into a folder.
CHECKPOINTS: dict[str, tuple[type[ImageText], dict[str, Any], Callable[[Path], Path]]] = {
    "qwen2_vl": (QwenVL, {"max_pixels": 50176, "min_pixels": 3136}, partial(qwen, "qwen2_vl")),
    "qwen2_5_vl": (QwenVL, {"max_pixels": 50176, "min_pixels": 3136}, partial(qwen, "qwen2_5_vl")),
    "qwen3_vl": (QwenVL, {"max_pixels": 50176, "min_pixels": 4096}, partial(qwen, "qwen3_vl")),
    "gemma3": (MedGemma, {}, partial(gemma, 1024)),
    "gemma3-narrow": (MedGemma, {}, partial(gemma, 12)),
    "internvl": (InternVL, {"max_tiles": 6}, partial(internvl, "qwen2")),
    "internvl-thumbnail": (InternVL, {"max_tiles": 6, "view": "thumbnail"}, partial(internvl, "qwen3")),
    "llava_next": (LlavaNext, {}, partial(llava_next, "llama")),
    "llava_next-fine": (LlavaNext, {"view": "fine"}, partial(llava_next, "mistral")),
}


def load(name: str, folder: Path, **changes: Any) -> Family:
    """Write a tiny checkpoint into `folder` unless it is there, and load it in float32 on the CPU."""
    family, options, write = CHECKPOINTS[name]
    if not folder.exists():
        write(folder)
    settings = {"revision": None, "dtype": torch.float32, "device": "cpu", "device_map": None, "geometry": "true"}
    return family.load(str(folder), options=family.options(**options), **(settings | changes))


def ask(
    family: Family, sizes: list[tuple[int, int]], text: str = "Where is the large nodule in the upper left?"
) -> Prompt:
    """A question about random images of these sizes."""
    return family.prompt([*(open_picture(tiny.picture(n, *size)) for n, size in enumerate(sizes)), text])
