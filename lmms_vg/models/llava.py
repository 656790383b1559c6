"""LLaVA checkpoints in transformers' own layout (`LlavaForConditionalGeneration`), such as llava-hf/llava-1.5-7b-hf."""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, AutoTokenizer, LlavaConfig, LlavaForConditionalGeneration

from lmms_vg.geometry import Geometry
from lmms_vg.images import Picture
from lmms_vg.models.base import Content, Family, Prompt
from lmms_vg.models.checkpoint import CheckpointError, load_llava, locate, read_json, require_weights, shape_of
from lmms_vg.models.placement import Placement
from lmms_vg.models.prompts import IMAGE, Tokens, join, neutralise, question_span, tokenise


class Llava(Family):
    """LLaVA 1.5 and its relatives: CLIP, a two-layer projector, a Llama-shaped text model.

    Images are laid as the checkpoint's image processor lays them (LLaVA 1.5: centre crop). The prompt is the checkpoint's
    own chat template, or Vicuna's where it has none.
    """

    name: ClassVar[str] = "llava"
    pretrained: ClassVar[str] = "llava-hf/llava-1.5-7b-hf"
    #: Plain-text role marks of the template, which a question must not imitate.
    roles: ClassVar[tuple[str, ...]] = ()
    #: Whether the tokenizer's own begin-of-text token starts the prompt.
    begin_of_text: ClassVar[bool] = True
    #: Whether `pixels` pads images to a square before the image processor sees them.
    squared: ClassVar[bool] = False

    def __init__(
        self,
        model: LlavaForConditionalGeneration,
        tokenizer: Any,
        image_processor: Any,
        geometry: str = "true",
        chat_template: str | None = None,
    ) -> None:
        self.model, self.tokenizer, self.image_processor = model, tokenizer, image_processor
        self.geometry, self.chat_template = geometry, chat_template
        self._prepared: tuple[str, Tensor] | None = None
        vision = self.model.config.vision_config
        self.placement = Placement(image_processor, vision, self.squared)
        self.side = self.placement.patches
        class_token = vision.model_type == "clip_vision_model"
        self.extra_tokens = int(class_token and self.model.config.vision_feature_select_strategy != "default")
        if IMAGE not in tokenizer.get_vocab():
            tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE]})
        self.image_id: int = tokenizer.convert_tokens_to_ids(IMAGE)
        self.forbidden = tuple(sorted({*tokenizer.get_added_vocab(), *tokenizer.all_special_tokens, *self.roles}))

    @classmethod
    def load(
        cls,
        pretrained: str,
        revision: str | None,
        dtype: torch.dtype,
        device: str,
        device_map: str | None,
        geometry: str,
    ) -> Llava:
        config, renaming = cls._config(pretrained, revision)
        require_weights(pretrained)
        # Without a tokenizer.json the text model's own class must be found, of which "llava" says nothing.
        own = renaming is not None and read_json(pretrained, revision, "tokenizer.json") is None
        try:  # before the weights, which take much longer
            tokenizer = AutoTokenizer.from_pretrained(
                locate(pretrained),
                revision=revision or "main",
                config=config.text_config if own else config,
                trust_remote_code=False,
            )
            processor = cls._image_processor(pretrained, revision, config)
            Placement(processor, config.vision_config, cls.squared).check()
        except (OSError, ValueError) as problem:
            raise CheckpointError(f"pretrained={pretrained!r}: tokenizer or image processor: {problem}") from problem
        if not tokenizer.is_fast:
            raise CheckpointError(f"pretrained={pretrained!r}: needs a fast tokenizer (tokenizer.json)")
        model = load_llava(pretrained, revision, config, dtype, device, device_map, renaming)
        return cls(model, tokenizer, processor, geometry, cls._chat_template(pretrained, revision, tokenizer))

    @classmethod
    def _config(cls, pretrained: str, revision: str | None) -> tuple[LlavaConfig, dict[str, str] | None]:
        raw = shape_of(pretrained, revision).config
        if raw.get("model_type") != "llava" or "text_config" not in raw:
            raise CheckpointError(
                f"pretrained={pretrained!r}: model_type {raw.get('model_type')!r} is not one the {cls.name!r} family "
                "loads; allowed is 'llava' in transformers' layout (LlavaForConditionalGeneration), such as "
                f"{cls.pretrained}"
            )
        return LlavaConfig.from_dict(raw), None

    @classmethod
    def _image_processor(cls, pretrained: str, revision: str | None, config: LlavaConfig) -> Any:
        return AutoImageProcessor.from_pretrained(
            locate(pretrained), revision=revision or "main", trust_remote_code=False
        )

    @classmethod
    def _chat_template(cls, pretrained: str, revision: str | None, tokenizer: Any) -> str | None:
        stored = read_json(pretrained, revision, "chat_template.json") or {}
        return stored.get("chat_template") or getattr(tokenizer, "chat_template", None)

    @property
    def text_model(self) -> Any:
        return self.model.model.language_model

    @property
    def lm_head(self) -> Any:
        return self.model.lm_head

    @property
    def stop_ids(self) -> frozenset[int]:
        stated = self.model.generation_config.eos_token_id if self.model.generation_config else None
        ids = stated if isinstance(stated, list) else [stated]
        own = [self.tokenizer.eos_token_id, self.model.config.text_config.eos_token_id]
        return frozenset(i for i in [*ids, *own] if isinstance(i, int))

    def identity(self) -> dict[str, str]:
        config = self.model.config.to_dict() | {"_name_or_path": None}
        parts = {
            "config": json.dumps(config, sort_keys=True, default=str),
            "tokenizer": self.tokenizer.backend_tokenizer.to_str(),
            "image_processor": self.image_processor.to_json_string(),
            "prompt": f"{self.render(IMAGE)} {sorted(self.stop_ids)} {self.begin_of_text}",
        }
        return {name: hashlib.sha256(part.encode()).hexdigest()[:16] for name, part in parts.items()}

    def embed_text(self, ids: Tensor) -> Tensor:
        table = self.text_model.embed_tokens
        return table(ids.to(table.weight.device))

    def embed(self, prompt: Prompt) -> Tensor:
        ids = prompt.input_ids[: prompt.prefix]
        places = (ids == self.image_id).nonzero()[:, 0]
        hidden = self.embed_text(ids.masked_fill(ids == self.image_id, 0)[None])
        assert prompt.pixel_values is not None
        tower = self.model.model.vision_tower
        pixels = prompt.pixel_values.to(tower.device, tower.dtype)
        features = torch.cat(list(self.model.get_image_features(pixels).pooler_output))
        if len(features) != len(places):
            raise ValueError(f"the vision tower gave {len(features)} image tokens where the prompt has {len(places)}")
        hidden[0, places.to(hidden.device)] = features.to(hidden)
        return hidden

    def prompt(self, content: Content) -> Prompt:
        """The rendered prompt; see `Family.prompt`."""
        pictures = [part for part in content if isinstance(part, Picture)]
        parts = [neutralise(part, self.forbidden) if isinstance(part, str) else IMAGE for part in content]
        if not any(part.strip() for part in parts if part != IMAGE):
            raise ValueError("empty question: the user message has no text")
        text = self.render(join(parts))
        tokens = self._expand(tokenise(self.tokenizer, text, self.begin_of_text), len(pictures))
        limit = self.model.config.text_config.max_position_embeddings
        if len(tokens.ids) >= limit:
            raise ValueError(f"prompt of {len(tokens.ids)} tokens: the model takes fewer than {limit}")
        ids = torch.tensor(tokens.ids)
        starts = self._image_starts(ids)
        cells = torch.arange(self.extra_tokens, self.extra_tokens + self.side**2)
        return Prompt(
            text=text,
            input_ids=ids,
            image_tokens=(starts[:, None] + cells).flatten(),
            question=question_span(tokens, text, parts),
            pixel_values=torch.cat([self._pixels_once(picture) for picture in pictures]) if pictures else None,
            geometries=tuple(self.lay(*picture.rgb.size) for picture in pictures),
            image_hashes=tuple(picture.hash for picture in pictures),
            content=tuple(content),
        )

    def render(self, body: str) -> str:
        """The user's message (images marked `<image>`) in the model's template, ready to be answered."""
        if self.chat_template is None:
            return f"USER: {body} ASSISTANT:"
        parts: list[dict[str, str]] = []
        for i, piece in enumerate(body.split(IMAGE)):
            parts += [{"type": "image"}] * (i > 0)
            parts += [{"type": "text", "text": piece.strip("\n")}] * bool(piece.strip("\n"))
        return self.tokenizer.apply_chat_template(
            [{"role": "user", "content": parts}],
            chat_template=self.chat_template,
            tokenize=False,
            add_generation_prompt=True,
        )

    def _pixels_once(self, picture: Picture) -> Tensor:
        """Prepared pixels; those of the last image are kept, since its other questions and its reference follow."""
        if self._prepared is None or self._prepared[0] != picture.hash:
            self.true_geometry(*picture.rgb.size)  # refuses what would be resized to a huge image, whatever `geometry`
            self._prepared = picture.hash, self.pixels(picture.rgb)
        return self._prepared[1]

    def pixels(self, image: Image.Image) -> Tensor:
        """(1, 3, side, side) float32 for the vision tower."""
        return self.image_processor(images=image, return_tensors="pt")["pixel_values"]

    def lay(self, width: int, height: int) -> Geometry:
        """Where the pixels of an image of this size lie on the patch grid."""
        if self.geometry == "stretch":
            return Geometry.stretch(width, height, self.side, self.side)
        return self.true_geometry(width, height)

    def true_geometry(self, width: int, height: int) -> Geometry:
        """What the image processor really does; see `Placement`."""
        return self.placement.lay(width, height)

    def _expand(self, tokens: Tokens, images: int) -> Tokens:
        found = tokens.ids.count(self.image_id)
        if found != images:
            raise ValueError(f"the prompt has places for {found} images, the message has {images}")
        return tokens.repeated(self.image_id, self.side**2 + self.extra_tokens)

    def _image_starts(self, ids: Tensor) -> Tensor:
        places = (ids == self.image_id).nonzero()[:, 0]
        return places[:: self.side**2 + self.extra_tokens]
