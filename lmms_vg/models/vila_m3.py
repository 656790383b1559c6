"""VILA-M3: a text model, SigLIP and a projector in three folders, put together in memory as one LLaVA.

The image is stretched to SigLIP's square. The projector joins 2 x 2 patches, with a row and a column of zeros behind an odd
number of them, and its tokens run column by column, so that a map of them is transposed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import CONFIG_MAPPING, LlavaConfig, LlavaForConditionalGeneration, SiglipImageProcessor

from lmms_vg.models.base import FamilyCard, KnownCheckpoint, PreparedImage
from lmms_vg.models.chat_template import Form
from lmms_vg.models.checkpoint import CheckpointError, Shape, path_of, read_json, reading
from lmms_vg.models.fields import refuse, require_resizing
from lmms_vg.models.image_text import ImageText
from lmms_vg.models.parts import read_tensors
from lmms_vg.models.prompts import IMAGE
from lmms_vg.models.tokenizer import begin_once
from lmms_vg.models.weights import load_weights
from lmms_vg.vision.images import Picture
from lmms_vg.vision.patch_grid import Geometry

#: Folder -> how the names of its tensors begin there, and in the model that is put together.
PARTS = {
    "llm": {"model.": "model.language_model.", "lm_head.": "lm_head."},
    "vision_tower": {"vision_model.": "model.vision_tower.", "": "model.vision_tower."},  # by transformers' release
    "mm_projector": {"layers.": "model.multi_modal_projector.layers."},
}

#: Fields of config.json about images -> the values that this conversion supports.
ALLOWED: dict[str, tuple[Any, ...]] = {
    "image_aspect_ratio": ("resize", None),
    "mm_use_im_start_end": (False, None),
    "mm_vision_select_feature": ("cls_patch",),
    "s2": (False, None),
}

_VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and "
    "polite answers to the user's questions. USER: {} ASSISTANT:"
)
_LLAMA_3 = (
    "<|start_header_id|>system<|end_header_id|>\n\nYou are a helpful language and vision assistant. You are able to "
    "understand the visual content that the user provides, and assist the user with a variety of tasks using natural "
    "language.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n"
)


class Join(nn.Module):
    """Join 2 x 2 patches: (B, side * side, C) -> (B, half * half, 4 C), column of cells after column."""

    def forward(self, patches: Tensor) -> Tensor:
        """Within a cell come both rows of patches, each from left to right."""
        side = int(patches.shape[1] ** 0.5)
        grid = patches.unflatten(1, (side, side))
        grid = nn.functional.pad(grid, (0, 0, 0, side % 2, 0, side % 2))
        cells = grid.unflatten(2, (-1, 2)).unflatten(1, (-1, 2))  # (B, row, 2, column, 2, C)
        joined: Tensor = cells.permute(0, 3, 1, 2, 4, 5).flatten(3).flatten(1, 2)
        return joined


class Vila(LlavaForConditionalGeneration):
    """LLaVA with the projector of VILA."""

    def __init__(self, config: LlavaConfig) -> None:
        super().__init__(config)
        vision: Any = config.vision_config
        text: Any = config.text_config
        seen, width = 4 * vision.hidden_size, text.hidden_size
        layers = Join(), nn.LayerNorm(seen), nn.Linear(seen, width), nn.GELU(), nn.Linear(width, width)
        self.model.multi_modal_projector = nn.Sequential()
        self.model.multi_modal_projector.add_module("layers", nn.Sequential(*layers))


class VilaM3(ImageText):
    """VILA-M3 (Nath et al., 2025): Sheared LLaMA (3B), Llama 3 (8B) or Vicuna (13B), with SigLIP."""

    name: ClassVar[str] = "vila_m3"
    pretrained: ClassVar[str] = "MONAI/Llama3-VILA-M3-8B"
    model_types: ClassVar[tuple[str, ...]] = ("llava_llama",)
    mark: ClassVar[str] = IMAGE
    card: ClassVar[FamilyCard] = FamilyCard(
        checkpoints=(
            KnownCheckpoint("MONAI/Llama3-VILA-M3-3B", "NVIDIA OneWay, non-commercial", 6.3),
            KnownCheckpoint("MONAI/Llama3-VILA-M3-8B", "NVIDIA OneWay, non-commercial", 17.0),
            KnownCheckpoint("MONAI/Llama3-VILA-M3-13B", "NVIDIA OneWay, non-commercial", 27.0),
        ),
        tokens="196 (14 x 14), the last row and column half empty",
        prompt="VILA's `llama_3` (8B) or `vicuna_v1` (3B, 13B), without the list of expert models",
        preprocessing="stretched to 384 x 384",
        verified="tiny weights in three folders against Llama, SigLIP and VILA's projector put together by hand",
        not_verified="real weights; true small files; tokenizers",
    )

    @classmethod
    def require_own(cls, pretrained: str, revision: str | None, raw: Mapping[str, Any]) -> None:
        """Refuse what is not in VILA's layout, or was trained on images in another form.

        Raises:
            CheckpointError: The checkpoint has another layout, or takes images in another form.
        """
        if raw.get("model_type") != "llava_llama" or "vision_tower_cfg" not in raw:
            raise CheckpointError(
                f"pretrained={pretrained!r}: model_type {raw.get('model_type')!r}"
                f"{'' if 'vision_tower_cfg' in raw else ' without vision_tower_cfg'} is not one the {cls.name!r} family "
                f"loads; allowed is 'llava_llama' in VILA's layout, such as {cls.pretrained}"
            )
        for field, allowed in ALLOWED.items():
            if raw.get(field) not in allowed:
                raise refuse(pretrained, "config.json", field, raw.get(field), " or ".join(map(repr, allowed)))

    @classmethod
    def inspect(cls, pretrained: str, revision: str | None = None) -> Shape:
        """Read layers and heads from the text model's own config.json."""
        raw = cls.read_own(pretrained, revision)
        text = cls._part(pretrained, revision, "llm")
        return Shape(pretrained, text.num_hidden_layers, text.num_attention_heads, raw, cls.name)

    @classmethod
    def _part(cls, pretrained: str, revision: str | None, folder: str) -> Any:
        """Configuration of the part in a folder."""
        stored = read_json(pretrained, revision, f"{folder}/config.json")
        kind, allowed = (
            (stored or {}).get("model_type"),
            {"llm": "llama", "vision_tower": "siglip_vision_model"}[folder],
        )
        if stored is None or kind != allowed:
            raise refuse(pretrained, f"{folder}/config.json", "model_type", kind, repr(allowed))
        return CONFIG_MAPPING[kind].from_dict(stored)

    @classmethod
    def _config(cls, pretrained: str, revision: str | None, raw: dict[str, Any]) -> tuple[Any, None]:
        projector = (read_json(pretrained, revision, "mm_projector/config.json") or {}).get("mm_projector_type")
        if projector != "mlp_downsample":
            raise refuse(pretrained, "mm_projector/config.json", "mm_projector_type", projector, "'mlp_downsample'")
        text = cls._part(pretrained, revision, "llm")
        config = LlavaConfig(
            vision_config=cls._part(pretrained, revision, "vision_tower"),
            text_config=text,
            image_token_index=text.vocab_size - 1,  # a placeholder: image features are placed by position
            vision_feature_layer=raw.get("mm_vision_select_layer", -2),
            vision_feature_select_strategy="full",
            tie_word_embeddings=bool(text.tie_word_embeddings),
        )
        return config, None

    @classmethod
    def require_weights(cls, pretrained: str, revision: str | None) -> None:
        """Refuse a folder in which a part has no safetensors.

        Raises:
            CheckpointError: A part has no weights.
        """
        for folder in PARTS:
            names = "model.safetensors", "model.safetensors.index.json"
            if not any(path_of(pretrained, revision, f"{folder}/{name}") for name in names[::-1]):
                raise CheckpointError(f"pretrained={pretrained!r}: no *.safetensors weights in {folder}/")

    @classmethod
    def load_model(
        cls,
        pretrained: str,
        revision: str | None,
        config: Any,
        dtype: torch.dtype,
        device: str,
        device_map: str | None,
        renaming: dict[str, str] | None,
    ) -> Any:
        """Put the three parts together.

        Raises:
            CheckpointError: A tensor is missing, or has no place in the model.
        """
        tensors = {}
        for folder, beginnings in PARTS.items():
            for name, tensor in read_tensors(pretrained, revision, folder).items():
                begin = next((begin for begin in beginnings if name.startswith(begin)), None)
                if begin is None:
                    raise CheckpointError(
                        f"pretrained={pretrained!r}: tensor {name} of {folder}/ has no place in the model"
                    )
                tensors[beginnings[begin] + name.removeprefix(begin)] = tensor
        return load_weights(Vila, pretrained, revision, config, dtype, device, device_map, tensors=tensors)

    @classmethod
    def read_processors(
        cls, pretrained: str, revision: str | None, raw: dict[str, Any], config: Any
    ) -> tuple[Any, Any, str | None, Form]:
        """The tokenizer lies with the text model, the image processor with the vision tower.

        Raises:
            CheckpointError: A file cannot be read, or does not fit the vision tower.
        """
        tokenizer = cls.read_tokenizer(pretrained, revision, config, "llm")
        begin_once(pretrained, tokenizer)
        stored = read_json(pretrained, revision, "vision_tower/preprocessor_config.json")
        side = config.vision_config.image_size
        with reading(pretrained, "vision_tower/preprocessor_config.json"):
            processor = SiglipImageProcessor.from_dict(stored or {"size": {"height": side, "width": side}})
            require_resizing(processor)
            if dict(processor.size) != {"height": side, "width": side}:
                raise ValueError(f"size={dict(processor.size)}: the vision tower takes {side} x {side} pixels")
        return tokenizer, processor, None, "parts"

    @property
    def stop_ids(self) -> frozenset[int]:
        """The family's stop tokens, and Llama 3's end of a turn."""
        turn = self.tokenizer.get_vocab().get("<|eot_id|>")
        return super().stop_ids | ({turn} if turn is not None else frozenset())

    def render(self, body: str) -> str:
        """VILA's prompt for the text model: Llama 3's where the vocabulary has its marks, else Vicuna's."""
        return (_LLAMA_3 if "<|eot_id|>" in self.tokenizer.get_vocab() else _VICUNA).format(body)

    def views(self, width: int, height: int) -> tuple[Geometry, ...]:
        """One view; its cells are as wide as two patches, and the last of them may lie half outside the image."""
        vision = self.model.config.vision_config
        side, cells = vision.image_size, -(-(vision.image_size // vision.patch_size) // 2)
        square, extent = (side, side), (2 * cells * vision.patch_size,) * 2
        return (Geometry.prepared((width, height), (cells, cells), (width, height), square, (0, 0), extent),)

    def prepare(self, picture: Picture) -> PreparedImage:
        """Return one square, of which the tokens run column by column."""
        (view,) = self.lay(*picture.rgb.size)
        side = self.model.config.vision_config.image_size
        pixels = self.image_processor(images=picture.rgb.resize((side, side)), return_tensors="pt")["pixel_values"]
        tokens = view.rows * view.cols
        cells = torch.arange(tokens).view(view.cols, view.rows).T.flatten()
        return PreparedImage(picture.hash, pixels, tokens, cells, (view,), side)

    def features(self, images: Sequence[PreparedImage]) -> tuple[Tensor, Sequence[Tensor]]:
        """Features of joined patches, projected."""
        return torch.cat(list(self.model.get_image_features(self.on_tower(images)).pooler_output)), ()
