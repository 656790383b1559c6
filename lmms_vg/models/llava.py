"""LLaVA checkpoints in transformers' own layout (`LlavaForConditionalGeneration`), such as llava-hf/llava-1.5-7b-hf."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, LlavaConfig, LlavaForConditionalGeneration

from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.models.base import Content, Family, Prompt
from lmms_vg.models.chat_template import Form, find, form_of, render
from lmms_vg.models.checkpoint import (
    CheckpointError,
    Shape,
    load_llava,
    locate,
    read_config,
    reading,
    require_weights,
)
from lmms_vg.models.fields import TOWERS, control_marks, require_image_mark, require_runnable, require_stored
from lmms_vg.models.original_layout import is_original
from lmms_vg.models.placement import Placement
from lmms_vg.models.prompts import IMAGE, Tokens, join, neutralise, question_span, tokenise
from lmms_vg.models.tokenizer import load_tokenizer
from lmms_vg.vision.images import Picture
from lmms_vg.vision.patch_grid import Geometry


class Llava(Family):
    """LLaVA 1.5 and its relatives: CLIP, a two-layer projector, a Llama-shaped text model.

    Boxes are mapped as the checkpoint's image processor maps pixels (LLaVA 1.5: centre crop). The prompt is the
    checkpoint's own chat template, or Vicuna's if it has none.
    """

    name: ClassVar[str] = "llava"
    pretrained: ClassVar[str] = "llava-hf/llava-1.5-7b-hf"
    #: Role marks of the template that are plain text; a question must not imitate them.
    roles: ClassVar[tuple[str, ...]] = ()
    #: Whether the prompt starts with the tokenizer's begin-of-text token.
    begin_of_text: ClassVar[bool] = True
    #: Whether `pixels` pads images to a square before the image processor sees them.
    squared: ClassVar[bool] = False

    def __init__(
        self,
        model: LlavaForConditionalGeneration,
        tokenizer: Any,
        image_processor: Any,
        chat_template: str | None = None,
        form: Form = "parts",
        geometry: str = "true",
    ) -> None:
        self.model, self.tokenizer, self.image_processor = model, tokenizer, image_processor
        self.geometry, self.chat_template, self.form = geometry, chat_template, form
        self._prepared: WeakValueDictionary[tuple[str, ...], Tensor] = WeakValueDictionary()
        self._last: Tensor | None = None
        vision = self.model.config.vision_config
        self.placement = Placement(image_processor, vision, self.squared)
        self.side = self.placement.patches
        class_token = TOWERS[vision.model_type]
        self.extra_tokens = int(class_token and self.model.config.vision_feature_select_strategy != "default")
        self.image_id: int = tokenizer.convert_tokens_to_ids(IMAGE)
        self.forbidden = tuple(sorted({*control_marks(tokenizer), *self.roles}))

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
        """Read the small files first: a fault in them shows before the weights, which take much longer."""
        raw, config, renaming = cls.read_configuration(pretrained, revision)
        require_weights(pretrained)
        processors = cls.read_processors(pretrained, revision, raw, config)
        model = load_llava(pretrained, revision, config, dtype, device, device_map, renaming)
        return cls(model, *processors, geometry)

    @classmethod
    def read_configuration(
        cls, pretrained: str, revision: str | None
    ) -> tuple[dict[str, Any], LlavaConfig, dict[str, str] | None]:
        """Read config.json.

        Returns:
            The file as stored, transformers' configuration, and how tensors are renamed (None: not at all).

        Raises:
            CheckpointError: The message names the field that is not supported, or the family to use instead.
        """
        raw = read_config(pretrained, revision)
        cls.require_own(pretrained, revision, raw)
        require_stored(pretrained, revision, raw)
        with reading(pretrained, "config.json"):
            config, renaming = cls._config(pretrained, revision, raw)
        require_runnable(pretrained, config)
        return raw, config, renaming

    @classmethod
    def read_processors(
        cls, pretrained: str, revision: str | None, raw: dict[str, Any], config: LlavaConfig
    ) -> tuple[Any, Any, str | None, Form]:
        """Load tokenizer, image processor, chat template and its form, and try each on an image and a text."""
        tokenizer = load_tokenizer(pretrained, revision, config)
        text: Any = config.text_config
        require_image_mark(pretrained, revision, tokenizer, text.vocab_size)
        template = cls._chat_template(pretrained, revision, tokenizer)
        form: Form = form_of(pretrained, tokenizer, template, raw) if template else "parts"
        with reading(pretrained, "image processor"):
            processor = cls._image_processor(pretrained, revision, config, raw)
            Placement(processor, config.vision_config, cls.squared).check()
        return tokenizer, processor, template, form

    @classmethod
    def inspect(cls, pretrained: str, revision: str | None = None) -> Shape:
        """Read layers and heads as `Family.inspect` does, of checkpoints of this family only."""
        cls.require_own(pretrained, revision, read_config(pretrained, revision))
        return super().inspect(pretrained, revision)

    @classmethod
    def require_own(cls, pretrained: str, revision: str | None, raw: dict[str, Any]) -> None:
        """Refuse a checkpoint of another family by its config.json, `raw`.

        Raises:
            CheckpointError: The message names the command to use instead.
        """
        if raw.get("model_type") == "llava" and "text_config" in raw:
            return
        raise CheckpointError(
            f"pretrained={pretrained!r}: model_type {raw.get('model_type')!r}"
            f"{' without a text_config (num_hidden_layers and so on)' if raw.get('model_type') in ('llava', None) else ''} "
            f"is not one the {cls.name!r} family loads; allowed is 'llava' in transformers' layout "
            f"(LlavaForConditionalGeneration), such as {cls.pretrained}"
            f"{', or the original layout of HuatuoGPT-Vision: --model huatuo_plain' if is_original(raw) else ''}"
        )

    @classmethod
    def _config(
        cls, pretrained: str, revision: str | None, raw: dict[str, Any]
    ) -> tuple[LlavaConfig, dict[str, str] | None]:
        config = LlavaConfig.from_dict(raw)
        text: Any = config.text_config
        if text.pad_token_id is None or text.pad_token_id >= text.vocab_size:  # unused here, so any valid id will do
            text.pad_token_id = text.eos_token_id if isinstance(text.eos_token_id, int) else None
        return config, None

    @classmethod
    def _image_processor(cls, pretrained: str, revision: str | None, config: LlavaConfig, raw: dict[str, Any]) -> Any:
        return AutoImageProcessor.from_pretrained(
            locate(pretrained), revision=revision or "main", trust_remote_code=False
        )

    @classmethod
    def _chat_template(cls, pretrained: str, revision: str | None, tokenizer: Any) -> str | None:
        return find(pretrained, revision, tokenizer)

    @property
    def text_model(self) -> Any:
        """The language model inside `LlavaForConditionalGeneration`."""
        return self.model.model.language_model

    @property
    def lm_head(self) -> Any:
        """The output head of the language model."""
        return self.model.lm_head

    @property
    def stop_ids(self) -> frozenset[int]:
        """End tokens of the generation settings, the tokenizer and the text model."""
        stated = self.model.generation_config.eos_token_id if self.model.generation_config else None
        ids = stated if isinstance(stated, list) else [stated]
        defaults = [self.tokenizer.eos_token_id, self.model.config.text_config.eos_token_id]
        return frozenset(i for i in [*ids, *defaults] if isinstance(i, int))

    def identity(self) -> dict[str, str]:
        """Hashes of configuration, tokenizer, image processor and prompt."""
        config = self.model.config.to_dict() | {"_name_or_path": None}
        tokenizer = self.tokenizer
        settings = [self.chat_template, self.form, self.begin_of_text, sorted(self.stop_ids), self.forbidden]
        parts = {
            "config": json.dumps(config, sort_keys=True, default=str),
            "tokenizer": json.dumps(
                [
                    tokenizer.backend_tokenizer.to_str(),
                    tokenizer.bos_token,
                    tokenizer.clean_up_tokenization_spaces,
                    getattr(tokenizer, "split_special_tokens", None),
                ]
            ),
            "image_processor": self.image_processor.to_json_string(),
            "prompt": json.dumps([self.render(IMAGE), self.render(join([IMAGE, "a"])), *settings]),
        }
        return {name: hashlib.sha256(part.encode()).hexdigest()[:16] for name, part in parts.items()}

    def embed_text(self, ids: Tensor) -> Tensor:
        """Rows of the embedding table."""
        table = self.text_model.embed_tokens
        embedded: Tensor = table(ids.to(table.weight.device))
        return embedded

    def embed(self, prompts: Sequence[Prompt]) -> Tensor:
        """Embeddings of the prefixes, with the features of the vision tower, which sees all images at once."""
        ids = torch.stack([prompt.input_ids[: prompt.prefix] for prompt in prompts])
        rows, places = (ids == self.image_id).nonzero(as_tuple=True)
        hidden = self.embed_text(ids.masked_fill(ids == self.image_id, 0))
        images = [prompt.pixel_values for prompt in prompts if prompt.pixel_values is not None]
        tower = self.model.model.vision_tower
        pixels = torch.cat(images).to(tower.device, tower.dtype)
        features = torch.cat(list(self.model.get_image_features(pixels).pooler_output))
        if len(features) != len(places):
            raise ValueError(f"the vision tower gave {len(features)} image tokens, the prompts have {len(places)}")
        hidden[rows.to(hidden.device), places.to(hidden.device)] = features.to(hidden)
        return hidden

    def prompt(self, content: Content) -> Prompt:
        """Render one user message, see `Family.prompt`; control marks in its texts are broken up."""
        pictures = [part for part in content if isinstance(part, Picture)]
        parts = [neutralise(part, self.forbidden) if isinstance(part, str) else IMAGE for part in content]
        if not any(part.strip() for part in parts if part != IMAGE):
            raise BadQuestion("empty question: the user message has no text")
        text = self.render(join(parts))
        tokens = self._expand(tokenise(self.tokenizer, text, self.begin_of_text), len(pictures))
        limit = self.model.config.text_config.max_position_embeddings
        if len(tokens.ids) >= limit:
            raise BadQuestion(f"prompt of {len(tokens.ids)} tokens: the model takes fewer than {limit}")
        ids = torch.tensor(tokens.ids)
        starts = self._image_starts(ids)
        cells = torch.arange(self.extra_tokens, self.extra_tokens + self.side**2)
        return Prompt(
            text=text,
            input_ids=ids,
            image_tokens=(starts[:, None] + cells).flatten(),
            question=question_span(tokens, text, parts),
            pixel_values=self._pixels_once(pictures) if pictures else None,
            geometries=tuple(self.lay(*picture.rgb.size) for picture in pictures),
            image_hashes=tuple(picture.hash for picture in pictures),
            content=tuple(content),
        )

    def render(self, body: str) -> str:
        """Render the user's message (images marked `<image>`) up to the place where the answer begins."""
        if self.chat_template is None:
            return f"USER: {body} ASSISTANT:"
        return render(self.tokenizer, self.chat_template, body, self.form)

    def _pixels_once(self, pictures: Sequence[Picture]) -> Tensor:
        """Prepared pixels: those that any prompt still holds, and those of the last one, are not prepared again."""
        hashes = tuple(picture.hash for picture in pictures)
        pixels = self._prepared.get(hashes)
        if pixels is None:
            if len(pictures) > 1:
                pixels = torch.cat([self._pixels_once([picture]) for picture in pictures])
            else:
                self.true_geometry(*pictures[0].rgb.size)  # refuses images that would become huge, also for `stretch`
                pixels = self.pixels(pictures[0].rgb)
            self._prepared[hashes] = pixels
        self._last = pixels
        return pixels

    def pixels(self, image: Image.Image) -> Tensor:
        """Prepare an image for the vision tower: (1, 3, height, width), float32."""
        pixels: Tensor = self.image_processor(images=image, return_tensors="pt")["pixel_values"]
        return pixels

    def lay(self, width: int, height: int) -> Geometry:
        """How an image of this size is mapped to the patch grid, as `geometry` says."""
        if self.geometry == "stretch":
            return Geometry.stretch(width, height, self.side, self.side)
        return self.true_geometry(width, height)

    def true_geometry(self, width: int, height: int) -> Geometry:
        """How the image processor really maps an image of this size; see `Placement`."""
        return self.placement.lay(width, height)

    def _expand(self, tokens: Tokens, images: int) -> Tokens:
        marks = tokens.ids.count(self.image_id)
        if marks != images:
            raise ValueError(f"the prompt has {marks} image marks, the message has {images} images")
        return tokens.repeated(self.image_id, self.side**2 + self.extra_tokens)

    def _image_starts(self, ids: Tensor) -> Tensor:
        places = (ids == self.image_id).nonzero()[:, 0]
        return places[:: self.side**2 + self.extra_tokens]
