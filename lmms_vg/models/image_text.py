"""What all families of transformers' image-text-to-text classes share: loading, prompts, tokens and embeddings.

The rendered prompt has one image token per image; it is repeated as often as the image has tokens. A family of its own says
which token that is, how it prepares an image, and what its vision tower makes of it.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import torch
from torch import Tensor
from transformers import CONFIG_MAPPING, AutoImageProcessor, AutoModelForImageTextToText

from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.models.base import Content, Embedded, Family, PreparedImage, Prompt
from lmms_vg.models.chat_template import Form, find, form_of, render
from lmms_vg.models.checkpoint import (
    CheckpointError,
    Shape,
    load_weights,
    locate,
    read_config,
    read_json,
    reading,
    require_weights,
)
from lmms_vg.models.elsewhere import instead
from lmms_vg.models.fields import control_marks, require_image_mark, require_stored, require_text
from lmms_vg.models.prompts import IMAGE, expand, join, neutralise, question_span, tokenise
from lmms_vg.models.tokenizer import load_tokenizer
from lmms_vg.vision.images import Picture
from lmms_vg.vision.patch_grid import Geometry


class ImageText(Family):
    """A model of one of transformers' image-text-to-text classes, asked in its checkpoint's own chat template."""

    #: `model_type` of the checkpoints that this family loads.
    model_types: ClassVar[tuple[str, ...]]
    #: The image token of the vocabulary.
    mark: ClassVar[str]
    #: What the chat template writes for an image; None: `mark`.
    written: ClassVar[str | None] = None
    #: What the prompt has in its place, with `mark` in it once; None: what is written.
    placed: ClassVar[str | None] = None
    #: Further marks that a question must not imitate: roles that are plain text, images and videos.
    roles: ClassVar[tuple[str, ...]] = ()
    #: Class of its image processors, without the ending that names a backend; None: any that places pixels as it states.
    processor: ClassVar[str | None] = None
    #: Whether the prompt starts with the tokenizer's begin-of-text token, where the tokenizer adds one.
    begin_of_text: ClassVar[bool] = True

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        image_processor: Any,
        chat_template: str | None = None,
        form: Form = "parts",
        geometry: str = "true",
        options: Any = None,
    ) -> None:
        self.model, self.tokenizer, self.image_processor = model, tokenizer, image_processor
        self.geometry, self.chat_template, self.form = geometry, chat_template, form
        self.settings = self.options() if options is None else options
        self._prepared: WeakValueDictionary[str, PreparedImage] = WeakValueDictionary()
        self._last: tuple[PreparedImage, ...] = ()
        self.image_id: int = tokenizer.convert_tokens_to_ids(self.mark)
        self.forbidden = tuple(sorted({*control_marks(tokenizer), *self.roles, self.mark, self.written or self.mark}))

    @classmethod
    def load(
        cls,
        pretrained: str,
        revision: str | None,
        dtype: torch.dtype,
        device: str,
        device_map: str | None,
        geometry: str,
        options: Any = None,
    ) -> ImageText:
        """Read the small files first: a fault in them shows before the weights, which take much longer."""
        config, renaming, processors = cls.read_small_files(pretrained, revision, options)
        model = cls.load_model(pretrained, revision, config, dtype, device, device_map, renaming)
        return cls(model, *processors, geometry, options)

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
        """Load the weights."""
        return load_weights(cls.model_class(config), pretrained, revision, config, dtype, device, device_map, renaming)

    @classmethod
    def require_weights(cls, pretrained: str, revision: str | None) -> None:
        """Refuse a folder without safetensors before anything is loaded from it."""
        require_weights(pretrained)

    @classmethod
    def read_small_files(
        cls, pretrained: str, revision: str | None, options: Any
    ) -> tuple[Any, dict[str, str] | None, tuple[Any, Any, str | None, Form]]:
        """Check all that can be checked without reading weights.

        Returns:
            transformers' configuration, how tensors are renamed, and what `read_processors` returns.

        Raises:
            CheckpointError: The checkpoint cannot be used; the message says what to do.
            ValueError: The checkpoint cannot take the family's settings.
        """
        raw, config, renaming = cls.read_configuration(pretrained, revision)
        options = cls.options() if options is None else options
        cls.check_options(config, options)
        cls.require_weights(pretrained, revision)
        return config, renaming, cls.read_processors(pretrained, revision, raw, config)

    @classmethod
    def model_class(cls, config: Any) -> Any:
        """The transformers class of a configuration's model."""
        return AutoModelForImageTextToText._model_mapping[type(config)]

    @classmethod
    def read_configuration(
        cls, pretrained: str, revision: str | None
    ) -> tuple[dict[str, Any], Any, dict[str, str] | None]:
        """Read config.json.

        Returns:
            The file as stored, transformers' configuration, and how tensors are renamed (None: not at all).

        Raises:
            CheckpointError: The message names the field that is not supported, or the family to use instead.
        """
        raw = cls.read_own(pretrained, revision)
        require_stored(pretrained, revision, raw)
        with reading(pretrained, "config.json"):
            config, renaming = cls._config(pretrained, revision, raw)
        require_text(pretrained, config.get_text_config())
        cls.require_tower(pretrained, config)
        return raw, config, renaming

    @classmethod
    def require_tower(cls, pretrained: str, config: Any) -> None:
        """Refuse a vision tower whose image tokens cannot be counted and located.

        Raises:
            CheckpointError: The message names the field and its value.
        """

    @classmethod
    def read_processors(
        cls, pretrained: str, revision: str | None, raw: dict[str, Any], config: Any
    ) -> tuple[Any, Any, str | None, Form]:
        """Load tokenizer, image processor, chat template and its form, and try each on an image and a text."""
        tokenizer = cls.read_tokenizer(pretrained, revision, config)
        template = cls._chat_template(pretrained, revision, tokenizer)
        form: Form = form_of(pretrained, tokenizer, template, raw, cls.written or cls.mark) if template else "parts"
        with reading(pretrained, "image processor"):
            processor = cls._image_processor(pretrained, revision, config, raw)
            cls._require_processor(pretrained, processor)
            cls.check_processor(processor, config)
        return tokenizer, processor, template, form

    @classmethod
    def read_tokenizer(cls, pretrained: str, revision: str | None, config: Any, folder: str = "") -> Any:
        """Load the tokenizer, from a folder of the repository, and check that it fits."""
        tokenizer = load_tokenizer(pretrained, revision, config, cls.mark, folder)
        require_image_mark(pretrained, revision, tokenizer, config.get_text_config().vocab_size, cls.mark)
        return tokenizer

    @classmethod
    def _require_processor(cls, pretrained: str, processor: Any) -> None:
        """Refuse the image processor of another family."""
        kind = type(processor).__name__
        if cls.processor is not None and not kind.startswith(cls.processor):
            raise CheckpointError(
                f"pretrained={pretrained!r}: its image processor is {kind}; {cls.name!r} takes {cls.processor}: put "
                f"preprocessor_config.json of the model that it was made from beside config.json (such as {cls.pretrained}'s)"
            )

    @classmethod
    def check_options(cls, config: Any, options: Any) -> None:
        """Refuse settings of the family that this checkpoint cannot take.

        Raises:
            ValueError: The message names the setting, its value and what is allowed.
        """

    @classmethod
    def check_processor(cls, processor: Any, config: Any) -> None:
        """Refuse an image processor that this family does not understand.

        Raises:
            ValueError: The message has the processor's settings.
        """

    @classmethod
    def inspect(cls, pretrained: str, revision: str | None = None) -> Shape:
        """Read layers and heads as `Family.inspect` does, of checkpoints of this family only."""
        cls.read_own(pretrained, revision)
        return super().inspect(pretrained, revision)

    @classmethod
    def read_own(cls, pretrained: str, revision: str | None) -> dict[str, Any]:
        """Read config.json as stored, of checkpoints of this family only.

        Raises:
            CheckpointError: The message names the family to use instead, or why there is none, where that is known.
        """
        raw: dict[str, Any] = {}
        try:
            raw = read_config(pretrained, revision)
            cls.require_own(pretrained, revision, raw)
        except CheckpointError as problem:
            hint = instead(pretrained, revision, raw)
            if not hint:
                raise
            message = str(problem) if raw else f"pretrained={pretrained!r} cannot be loaded"
            raise CheckpointError(f"{message}. {hint}") from problem
        return raw

    @classmethod
    def require_own(cls, pretrained: str, revision: str | None, raw: Mapping[str, Any]) -> None:
        """Refuse a checkpoint of another family by its config.json, `raw`.

        Raises:
            CheckpointError: The message names the field and its value.
        """
        if raw.get("model_type") in cls.model_types:
            return
        raise CheckpointError(
            f"pretrained={pretrained!r}: model_type {raw.get('model_type')!r} is not one the {cls.name!r} family loads; "
            f"allowed is {', '.join(cls.model_types)}, such as {cls.pretrained}"
        )

    @classmethod
    def _config(cls, pretrained: str, revision: str | None, raw: dict[str, Any]) -> tuple[Any, dict[str, str] | None]:
        return CONFIG_MAPPING[raw["model_type"]].from_dict(raw), None

    @classmethod
    def _image_processor(cls, pretrained: str, revision: str | None, config: Any, raw: dict[str, Any]) -> Any:
        files = "preprocessor_config.json", "processor_config.json"
        if not any(read_json(pretrained, revision, file) for file in files):
            raise CheckpointError(
                f"pretrained={pretrained!r}: it has no image processor ({files[0]}): copy that of the model that it was made "
                f"from, such as {cls.pretrained}'s, beside config.json"
            )
        return AutoImageProcessor.from_pretrained(
            locate(pretrained), revision=revision or "main", trust_remote_code=False
        )

    @classmethod
    def _chat_template(cls, pretrained: str, revision: str | None, tokenizer: Any) -> str | None:
        return find(pretrained, revision, tokenizer)

    @property
    def text_model(self) -> Any:
        """The language model inside the transformers model."""
        return self.model.model.language_model

    @property
    def lm_head(self) -> Any:
        """The output head of the language model."""
        return self.model.lm_head

    @property
    def stop_ids(self) -> frozenset[int]:
        """End tokens of the generation settings, the tokenizer and the text model."""
        stated = self.model.generation_config.eos_token_id if self.model.generation_config else None
        own = getattr(self.model.config.get_text_config(), "eos_token_id", None)
        ids = [*_listed(stated), *_listed(self.tokenizer.eos_token_id), *_listed(own)]
        return frozenset(i for i in ids if isinstance(i, int))

    def identity(self) -> dict[str, str]:
        """Hashes of configuration, tokenizer, image processor with the family's settings, and prompt."""
        config = self.model.config.to_dict() | {"_name_or_path": None}
        tokenizer = self.tokenizer
        settings = [self.chat_template, self.form, self.begin_of_text, sorted(self.stop_ids), self.forbidden]
        own = asdict(self.settings)
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
            "image_processor": self.image_processor.to_json_string() + (json.dumps(own) if own else ""),
            "prompt": json.dumps([self.render(IMAGE), self.render(join([IMAGE, "a"])), *settings]),
        }
        return {name: hashlib.sha256(part.encode()).hexdigest()[:16] for name, part in parts.items()}

    def embed_text(self, ids: Tensor) -> Tensor:
        """Rows of the embedding table."""
        table = self.text_model.embed_tokens
        embedded: Tensor = table(ids.to(table.weight.device))
        return embedded

    def embed(self, prompts: Sequence[Prompt]) -> Embedded:
        """Embeddings of the prefixes, with the features of the vision tower, which sees all images at once."""
        ids = torch.stack([prompt.input_ids[: prompt.prefix] for prompt in prompts])
        rows, places = (ids == self.image_id).nonzero(as_tuple=True)
        hidden = self.embed_text(ids.masked_fill(ids == self.image_id, 0))
        features, deep = self.features([image for prompt in prompts for image in prompt.images])
        if len(features) != len(places):
            raise ValueError(f"the vision tower gave {len(features)} image tokens, the prompts have {len(places)}")
        where = rows.to(hidden.device), places.to(hidden.device)
        hidden[where] = features.to(hidden)
        added = [torch.zeros_like(hidden) for _ in deep]
        for target, values in zip(added, deep, strict=True):
            target[where] = values.to(hidden)
        return Embedded(hidden, added)

    @abstractmethod
    def features(self, images: Sequence[PreparedImage]) -> tuple[Tensor, Sequence[Tensor]]:
        """Run the vision tower.

        Returns:
            Features of all tokens of all images, (tokens, width), in order, and for each of the first layers of the text
            model what is added to its hidden states there, (tokens, width) each (empty for most models).
        """

    @abstractmethod
    def prepare(self, picture: Picture) -> PreparedImage:
        """Prepare an image for the vision tower.

        Raises:
            ValueError: The image cannot be used.
        """

    def positions(self, length: int, starts: Sequence[int], images: Sequence[PreparedImage]) -> Tensor | None:
        """Rotary positions (3, length) of a prefix whose images start at these tokens; None where they count the tokens."""
        return None

    def prompt(self, content: Content) -> Prompt:
        """Render one user message, see `Family.prompt`; control marks in its texts are broken up."""
        pictures = [part for part in content if isinstance(part, Picture)]
        parts = [neutralise(part, self.forbidden) if isinstance(part, str) else IMAGE for part in content]
        if not any(part.strip() for part in parts if part != IMAGE):
            raise BadQuestion("empty question: the user message has no text")
        written = self.written or self.mark
        text = self.render(join(parts)).replace(written, self.placed or written)
        tokens = tokenise(self.tokenizer, text, self.begin_of_text)
        if (marks := tokens.ids.count(self.image_id)) != len(pictures):
            raise ValueError(f"the prompt has {marks} image marks, the message has {len(pictures)} images")
        images = tuple(map(self._prepared_once, pictures))
        tokens, starts = expand(tokens, self.image_id, [image.tokens for image in images])
        limit = self.model.config.get_text_config().max_position_embeddings
        if len(tokens.ids) >= limit:
            raise BadQuestion(f"prompt of {len(tokens.ids)} tokens: the model takes fewer than {limit}")
        self._last = images
        return Prompt(
            text=text,
            input_ids=torch.tensor(tokens.ids),
            images=images,
            starts=starts,
            question=question_span(tokens, text, parts, self.mark),
            content=tuple(content),
            positions=self.positions(starts[-1] + images[-1].tokens, starts, images) if images else None,
        )

    def render(self, body: str) -> str:
        """Render the user's message (images marked `<image>`) up to the place where the answer begins."""
        if self.chat_template is None:
            raise CheckpointError(f"the {self.name!r} family needs the checkpoint's chat template, and it has none")
        return render(self.tokenizer, self.chat_template, body, self.form)

    def _prepared_once(self, picture: Picture) -> PreparedImage:
        """Prepare an image, unless any prompt still holds it, or the last one had it."""
        image = self._prepared.get(picture.hash)
        if image is None:
            image = self._prepared[picture.hash] = self.prepare(picture)
        return image

    def lay(self, width: int, height: int) -> tuple[Geometry, ...]:
        """How an image of this size is mapped to the patch grid of each view, as `geometry` says.

        Raises:
            ValueError: The image cannot be used, also where boxes are only stretched.
        """
        views = self.views(width, height)
        if self.geometry == "stretch":
            return tuple(Geometry.stretch(width, height, view.rows, view.cols) for view in views)
        return views

    def stock_inputs(self, prompt: Prompt) -> dict[str, Tensor]:
        """Token ids with the model's own image token, and the pixels."""
        ids = prompt.input_ids.clone()
        ids[ids == self.image_id] = self.model.config.image_token_id  # ours may be any id
        inputs = {"input_ids": ids[None].to(self.model.device)}
        if prompt.images:
            inputs["pixel_values"] = self.stacked(prompt.images).to(self.model.device, self.model.dtype)
        return inputs

    def stacked(self, images: Sequence[PreparedImage]) -> Tensor:
        """The pixels of several images as the transformers model takes them."""
        return torch.cat([image.pixels for image in images])


def _listed(ids: Any) -> list[Any]:
    return ids if isinstance(ids, list) else [ids]
