"""LLaVA's original layout, as in the repositories of HuatuoGPT-Vision and LLaVA-Med, converted to transformers' in memory.

Such a configuration was written for LLaVA's own code. A field that is not known here might change what that code does,
so it is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from transformers import AutoConfig, CLIPImageProcessor, CLIPVisionConfig, LlavaConfig

from lmms_vg.models.checkpoint import read_json
from lmms_vg.models.fields import refuse

#: Tensor names of the original layout, as regular expressions, -> transformers' names.
RENAMING = {
    r"^model\.vision_tower\.vision_tower\.(vision_model\.)?": "model.vision_tower.",
    r"^model\.mm_projector\.0\.": "model.multi_modal_projector.linear_1.",
    r"^model\.mm_projector\.2\.": "model.multi_modal_projector.linear_2.",
    r"^model\.(layers|embed_tokens|norm)\.": r"model.language_model.\1.",
}

#: CLIP ViT-L/14 at 336 pixels, the tower of every original HuatuoGPT-Vision and LLaVA-Med.
CLIP_L_336: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
    "projection_dim": 768,
}

#: LLaVA's fields about images -> the values that this conversion supports.
ALLOWED: dict[str, tuple[Any, ...]] = {
    "image_aspect_ratio": ("pad", None),
    "mm_patch_merge_type": ("flat", None),
    "mm_projector_type": ("mlp2x_gelu",),
    "mm_use_im_start_end": (False, None),
    "mm_vision_select_feature": ("patch", "cls_patch", None),
    "quantization_config": ({}, None),
}

#: Fields that the conversion, or code that it calls, reads.
_READ = {"mm_vision_tower", "mm_vision_select_layer", "rope_theta", "rope_scaling", "rope_parameters"}

#: Fields of training, of saving, or of a switch that the fields above already decide.
_WITHOUT_EFFECT = {
    "_attn_implementation_autoset",
    "_flash_attn_2_enabled",
    "_name_or_path",
    "attn_implementation",
    "auto_map",
    "freeze_mm_mlp_adapter",
    "freeze_mm_vision_resampler",
    "head_dim",  # it could only change shapes of weights, which is refused
    "image_grid_pinpoints",
    "max_window_layers",
    "mm_hidden_size",
    "mm_projector_lr",
    "mm_use_im_patch_token",
    "mm_vision_tower_lr",
    "output_attentions",
    "pretraining_tp",
    "sliding_window",
    "tokenizer_model_max_length",
    "tokenizer_padding_side",
    "torch_dtype",
    "torchscript",
    "tune_mm_mlp_adapter",
    "tune_mm_vision_resampler",
    "unfreeze_mm_vision_tower",
    "use_mm_proj",
    "use_sliding_window",
}


def is_original(raw: Mapping[str, Any]) -> bool:
    """Return whether a stored config.json is of the original layout."""
    return "mm_vision_tower" in raw


def require_image_fields(pretrained: str, raw: Mapping[str, Any]) -> None:
    """Refuse a checkpoint that was trained on images in another form, as LLaVA-1.6 was.

    Raises:
        CheckpointError: A field of `ALLOWED` has another value.
    """
    for field, allowed in ALLOWED.items():
        if raw.get(field) not in allowed:
            raise refuse(pretrained, "config.json", field, raw.get(field), " or ".join(map(repr, allowed)))


def config_of(pretrained: str, revision: str | None, raw: dict[str, Any], kind: str) -> LlavaConfig:
    """Convert a config.json of the original layout to transformers' configuration, with a text model of type `kind`.

    Raises:
        CheckpointError: The message names the field that this conversion does not support.
    """
    known = set(AutoConfig.for_model(kind).to_dict())
    strange = sorted(
        field for field in raw.keys() - known - ALLOWED.keys() - _READ - _WITHOUT_EFFECT if raw[field] is not None
    )
    if strange:
        raise refuse(
            pretrained,
            "config.json",
            strange[0],
            raw[strange[0]],
            f"a field that HuatuoGPT-Vision or LLaVA-Med has (unknown here: {', '.join(strange)}); if it changes no "
            "answer, remove it in a copy",
        )
    text = _text_config(kind, known, raw)
    return LlavaConfig(
        vision_config=_tower(pretrained, revision, raw["mm_vision_tower"]),
        text_config=text,
        image_token_index=text.vocab_size - 1,  # a placeholder: image features are placed by position
        vision_feature_layer=raw.get("mm_vision_select_layer", -2),
        vision_feature_select_strategy="full" if raw.get("mm_vision_select_feature") == "cls_patch" else "default",
        projector_hidden_act="gelu",
        tie_word_embeddings=bool(raw.get("tie_word_embeddings", False)),
    )


def _text_config(kind: str, known: set[str], raw: dict[str, Any]) -> Any:
    """Text configuration from LLaVA's flat one: the fields that a `kind` configuration has, and its rope base."""
    excluded = {"model_type", "architectures", "transformers_version", "torch_dtype", "dtype", "_name_or_path"}
    fields = {key: value for key, value in raw.items() if key in (known | {"rope_theta", "rope_scaling"}) - excluded}
    config = AutoConfig.for_model(kind, **fields)
    if config.pad_token_id is not None and config.pad_token_id >= config.vocab_size:
        config.pad_token_id = None
    return config


def _tower(pretrained: str, revision: str | None, tower: str) -> CLIPVisionConfig:
    """Configuration of the tower: its own config.json if the repository has one, else CLIP ViT-L/14-336 by its name."""
    stored = read_json(pretrained, revision, f"{_folder(tower)}/config.json") if _is_inside(tower) else None
    vision = (stored or {}).get("vision_config") or stored
    if stored and vision:
        kind = vision.get("model_type") or stored.get("model_type", "clip")
        if kind not in ("clip", "clip_vision_model"):
            raise refuse(pretrained, f"{_folder(tower)}/config.json", "model_type", kind, "'clip'")
        known = set(CLIPVisionConfig().to_dict()) - {"model_type", "architectures", "transformers_version", "dtype"}
        return CLIPVisionConfig(**{key: value for key, value in vision.items() if key in known})
    if re.sub(r"[-_]", "", tower.rstrip("/").rsplit("/", 1)[-1]).lower() == "clipvitlargepatch14336":
        return CLIPVisionConfig(**CLIP_L_336)
    raise refuse(
        pretrained, "config.json", "mm_vision_tower", tower, "CLIP ViT-L/14-336, or a folder of the repository"
    )


def image_processor(pretrained: str, revision: str | None, raw: dict[str, Any]) -> CLIPImageProcessor | None:
    """Return the tower's own image processor, which LLaVA uses; None if the repository does not have it."""
    tower = raw["mm_vision_tower"]
    stored = (
        read_json(pretrained, revision, f"{_folder(tower)}/preprocessor_config.json") if _is_inside(tower) else None
    )
    return CLIPImageProcessor.from_dict(stored) if stored else None


def _folder(tower: str) -> str:
    return tower.removeprefix("./").strip("/")


def _is_inside(tower: str) -> bool:
    """Return whether the tower may be a folder of the repository. A hub id may look like one; then no file is found."""
    return not tower.startswith(("/", "~")) and ".." not in tower
