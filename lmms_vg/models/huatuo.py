"""HuatuoGPT-Vision: the `-hf` repositories, and the original LLaVA layout converted in memory.

Facts of the checkpoints: the prompt is plain text without a begin-of-text token or system prompt; images are padded to a
square with the processor's mean colour before CLIP sees them, which the `-hf` processors do not do by themselves; the
`-hf` configurations state a pad token outside their vocabulary. The original repositories (Qwen2 for 7B, Yi, which is
llama, for 34B) hold the same tensors under LLaVA's older names.
"""

from __future__ import annotations

from typing import Any, ClassVar

from PIL import Image
from torch import Tensor
from transformers import AutoConfig, CLIPImageProcessor, CLIPVisionConfig, LlavaConfig

from lmms_vg.images import pad_to_square
from lmms_vg.models.checkpoint import CheckpointError, read_json, shape_of
from lmms_vg.models.llava import Llava

#: Tensor names of the original layout, as regular expressions, and transformers' names for them.
RENAMING = {
    r"^model\.vision_tower\.vision_tower\.(vision_model\.)?": "model.vision_tower.",
    r"^model\.mm_projector\.0\.": "model.multi_modal_projector.linear_1.",
    r"^model\.mm_projector\.2\.": "model.multi_modal_projector.linear_2.",
    r"^model\.(layers|embed_tokens|norm)\.": r"model.language_model.\1.",
}

#: CLIP ViT-L/14 at 336 pixels, the tower of every original HuatuoGPT-Vision.
CLIP_L_336 = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
    "projection_dim": 768,
}


class Huatuo(Llava):
    """HuatuoGPT-Vision 7B and 34B (Chen et al., 2024)."""

    name: ClassVar[str] = "huatuo"
    pretrained: ClassVar[str] = "FreedomIntelligence/HuatuoGPT-Vision-7B-hf"
    roles: ClassVar[tuple[str, ...]] = ("<|user|>", "<|assistant|>")
    begin_of_text: ClassVar[bool] = False
    squared: ClassVar[bool] = True

    def render(self, body: str) -> str:
        return f"<|user|>\n{body}\n<|assistant|>\n"

    def pixels(self, image: Image.Image) -> Tensor:
        red, green, blue = (int(mean * 255) for mean in self.image_processor.image_mean)
        return super().pixels(pad_to_square(image, (red, green, blue)))

    @classmethod
    def _config(cls, pretrained: str, revision: str | None) -> tuple[LlavaConfig, dict[str, str] | None]:
        raw = shape_of(pretrained, revision).config
        if "mm_vision_tower" in raw:
            return cls._from_original(pretrained, revision, raw), RENAMING
        config, renaming = super()._config(pretrained, revision)
        text: Any = config.text_config
        if text.pad_token_id is None or text.pad_token_id >= text.vocab_size:
            text.pad_token_id = text.eos_token_id if isinstance(text.eos_token_id, int) else None
        return config, renaming

    @classmethod
    def _from_original(cls, pretrained: str, revision: str | None, raw: dict[str, Any]) -> LlavaConfig:
        """transformers' configuration of a checkpoint in the original layout."""
        if raw.get("mm_projector_type") != "mlp2x_gelu":
            raise CheckpointError(
                f"pretrained={pretrained!r}: mm_projector_type={raw.get('mm_projector_type')!r}; allowed is 'mlp2x_gelu'"
            )
        names = " ".join([raw.get("model_type", ""), *raw.get("architectures", [])]).lower()
        text = _text_config("qwen2" if "qwen2" in names else "llama", raw)
        return LlavaConfig(
            vision_config=CLIPVisionConfig(**cls._vision(pretrained, revision, raw["mm_vision_tower"])),
            text_config=text,
            image_token_index=text.vocab_size - 1,  # a placeholder; image features are put in place by position
            vision_feature_layer=raw.get("mm_vision_select_layer", -2),
            vision_feature_select_strategy="default"
            if raw.get("mm_vision_select_feature", "patch") == "patch"
            else "full",
            projector_hidden_act="gelu",
            tie_word_embeddings=bool(raw.get("tie_word_embeddings", False)),
        )

    @classmethod
    def _vision(cls, pretrained: str, revision: str | None, tower: str) -> dict[str, Any]:
        """The tower's own config.json where the repository carries one, else CLIP ViT-L/14-336."""
        stored = read_json(pretrained, revision, f"{tower.removeprefix('./').strip('/')}/config.json") or {}
        vision = stored.get("vision_config") or stored
        if vision:
            return {key: vision[key] for key in CLIP_L_336 if key in vision}
        if "large" in tower and "14" in tower and "336" in tower:
            return CLIP_L_336
        raise CheckpointError(
            f"pretrained={pretrained!r}: vision tower {tower!r} is not known; expected CLIP ViT-L/14-336"
        )

    @classmethod
    def _image_processor(cls, pretrained: str, revision: str | None, config: LlavaConfig) -> Any:
        if read_json(pretrained, revision, "preprocessor_config.json") is not None:
            return super()._image_processor(pretrained, revision, config)
        vision: Any = config.vision_config
        side = vision.image_size
        return CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})

    @classmethod
    def _chat_template(cls, pretrained: str, revision: str | None, tokenizer: Any) -> str | None:
        return None  # `render` is the template; the repositories' own is not what the model was trained on


def _text_config(kind: str, raw: dict[str, Any]) -> Any:
    """Text configuration from LLaVA's flat one: the fields that a `kind` configuration has, and its rope base."""
    known = set(AutoConfig.for_model(kind).to_dict()) | {"rope_theta", "rope_scaling"}
    own = {"model_type", "architectures", "transformers_version", "torch_dtype", "dtype", "_name_or_path"}
    fields = {key: value for key, value in raw.items() if key in known - own}
    config = AutoConfig.for_model(kind, **fields)
    if config.pad_token_id is not None and config.pad_token_id >= config.vocab_size:
        config.pad_token_id = None
    return config
