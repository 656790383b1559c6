"""The base of all families of transformers' image-text-to-text classes: prompts, tokens and embeddings.

The rendered prompt has one image token per image; it is repeated as often as the image has tokens. A family of its own says
which token that is, how it prepares an image, and what its vision tower makes of it.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import torch
from torch import Tensor
from transformers import AutoModelForImageTextToText

from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.models.base import Content, Embedded, PreparedImage, Prompt
from lmms_vg.models.chat_template import Form, render
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.fields import control_marks
from lmms_vg.models.prompts import IMAGE, expand, join, neutralise, question_span, require_room, tokenise
from lmms_vg.models.small_files import SmallFiles
from lmms_vg.models.weights import load_weights
from lmms_vg.vision.images import Picture
from lmms_vg.vision.patch_grid import Geometry


class ImageText(SmallFiles):
    """A model of one of transformers' image-text-to-text classes, asked in its checkpoint's own chat template."""

    #: The text in its place in the prompt, with `mark` in it once; None: the written text.
    placed: ClassVar[str | None] = None
    #: Further marks that a question must not imitate: roles that are plain text, images and videos.
    roles: ClassVar[tuple[str, ...]] = ()
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
        cls.check_dtype(dtype)
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
    def model_class(cls, config: Any) -> Any:
        """Return the transformers class of a configuration's model."""
        return AutoModelForImageTextToText._model_mapping[type(config)]

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
            raise self.mismatch(f"the vision tower gave {len(features)} image tokens, the prompts have {len(places)}")
        where = rows.to(hidden.device), places.to(hidden.device)
        hidden[where] = features.to(hidden)
        added = [torch.zeros_like(hidden) for _ in deep]
        for target, values in zip(added, deep, strict=True):
            target[where] = values.to(hidden)
        return Embedded(hidden, added)

    def mismatch(self, counts: str) -> ValueError:
        """Make the error for parts of a checkpoint that do not agree on the tokens of an image."""
        return ValueError(
            f"{counts}: this checkpoint and the family {self.name!r} do not agree; please report the checkpoint's name "
            "with the output of lmms-vg doctor"
        )

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
        """Render one user message, see `Family.prompt`; control marks in its texts are broken up.

        Raises:
            BadQuestion: The message has no text.
            ValueError: The prompt's image marks are not those of its images.
        """
        pictures = [part for part in content if isinstance(part, Picture)]
        parts = [neutralise(part, self.forbidden) if isinstance(part, str) else IMAGE for part in content]
        if not any(part.strip() for part in parts if part != IMAGE):
            raise BadQuestion("empty question: the user message has no text")
        written = self.written or self.mark
        text = self.render(join(parts)).replace(written, self.placed or written)
        tokens = tokenise(self.tokenizer, text, self.begin_of_text)
        if (marks := tokens.ids.count(self.image_id)) != len(pictures):
            raise self.mismatch(f"the prompt has {marks} image marks, the message has {len(pictures)} images")
        images = tuple(map(self._prepared_once, pictures))
        tokens, starts = expand(tokens, self.image_id, [image.tokens for image in images])
        limit = self.model.config.get_text_config().max_position_embeddings
        require_room(len(tokens.ids), limit, sum(image.tokens for image in images), [*asdict(self.settings)])
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
        """Render the user's message (images marked `<image>`) up to the place where the answer begins.

        Raises:
            CheckpointError: The checkpoint has no chat template.
        """
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
        """Return the mapping of an image of this size to the patch grid of each view, by the setting `geometry`.

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
        """Return the pixels of several images as the transformers model takes them."""
        return torch.cat([image.pixels for image in images])

    def on_tower(self, images: Sequence[PreparedImage]) -> Tensor:
        """`stacked`, on the device of the vision tower and in its dtype."""
        tower = self.model.model.vision_tower
        return self.stacked(images).to(tower.device, tower.dtype)


def _listed(ids: Any) -> list[Any]:
    return ids if isinstance(ids, list) else [ids]
