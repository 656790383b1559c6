"""Files of a checkpoint that image-text-to-text families read before its weights, and the faults that they refuse.

A fault in a small file then shows in seconds, and its message names the file, the field and what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from transformers import CONFIG_MAPPING, AutoImageProcessor

from lmms_vg.models.base import Family
from lmms_vg.models.chat_template import Form, find, form_of
from lmms_vg.models.checkpoint import (
    CheckpointError,
    Shape,
    locate,
    read_config,
    read_json,
    reading,
)
from lmms_vg.models.elsewhere import instead
from lmms_vg.models.fields import require_image_mark, require_stored, require_text
from lmms_vg.models.tokenizer import load_tokenizer
from lmms_vg.models.weights import require_weights


class SmallFiles(Family):
    """A family that checks configuration, tokenizer, image processor and chat template before it reads weights."""

    #: `model_type` of the checkpoints that this family loads.
    model_types: ClassVar[tuple[str, ...]]
    #: The image token of the vocabulary.
    mark: ClassVar[str]
    #: The text that the chat template writes for an image; None: `mark`.
    written: ClassVar[str | None] = None
    #: Class of its image processors, without the ending that names a backend; None: any that places pixels as it states.
    processor: ClassVar[str | None] = None

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
    def check_dtype(cls, dtype: torch.dtype) -> None:
        """Refuse a dtype in which this family does not work.

        Raises:
            CheckpointError: The message names the dtype and what is allowed.
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
