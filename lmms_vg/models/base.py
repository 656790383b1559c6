"""What a model family is, and the prompt it makes of images and text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from lmms_vg.models.checkpoint import Shape, shape_of
from lmms_vg.vision.images import Picture
from lmms_vg.vision.patch_grid import Geometry

#: What a user message consists of, in order.
Content = Sequence[Picture | str]


@dataclass(frozen=True)
class Prompt:
    """One rendered question: token ids with every image token in place, and where things are.

    Positions are absolute, 0-based, without padding. T tokens, N image tokens, I images.
    """

    #: What the model reads, `<image>` standing for all tokens of one image.
    text: str
    #: (T,) token ids; ids at image positions are placeholders.
    input_ids: Tensor
    #: (N,) positions of the image tokens, image after image, each row by row.
    image_tokens: Tensor
    #: Start and stop of the user's text behind the last image; start == stop when there is none.
    question: tuple[int, int]
    #: (I, 3, height, width) as the vision tower wants it; None without images.
    pixel_values: Tensor | None
    #: How each image's pixels lie on its patch grid.
    geometries: tuple[Geometry, ...]
    #: SHA-256 of the pixels of each image.
    image_hashes: tuple[str, ...]
    #: The message it was rendered from, for methods that ask the same in another form.
    content: tuple[Picture | str, ...]

    @property
    def prefix(self) -> int:
        """Number of tokens up to the end of the last image: what questions about the same image share."""
        return int(self.image_tokens[-1]) + 1 if len(self.image_tokens) else 0

    @property
    def prefix_key(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Prompts with equal keys have the same prefix, token for token and pixel for pixel."""
        return self.image_hashes, tuple(self.input_ids[: self.prefix].tolist())


class Family(ABC):
    """A loaded model of one family. It knows nothing of methods; methods know nothing of it but its prompts."""

    #: First half of `<family>_<method>`.
    name: ClassVar[str]
    #: Checkpoint used when `pretrained` is not given.
    pretrained: ClassVar[str]

    #: The transformers model; Any, because transformers types every sub-configuration as an optional dict.
    model: Any
    tokenizer: Any

    @classmethod
    @abstractmethod
    def load(
        cls,
        pretrained: str,
        revision: str | None,
        dtype: torch.dtype,
        device: str,
        device_map: str | None,
        geometry: str,
    ) -> Family:
        """Load weights (safetensors only) and tokenizer; raises `CheckpointError` with the remedy."""

    @classmethod
    def inspect(cls, pretrained: str, revision: str | None = None) -> Shape:
        """Layers and heads of a checkpoint, from its small files; raises `CheckpointError` for one of another family."""
        return replace(shape_of(pretrained, revision), family=cls.name)

    @property
    @abstractmethod
    def text_model(self) -> Any:
        """The decoder stack: `layers`, `norm`, `rotary_emb`, `config`."""

    @property
    @abstractmethod
    def lm_head(self) -> Any:
        """Output head."""

    @abstractmethod
    def embed(self, prompt: Prompt) -> Tensor:
        """Input embeddings (1, T, width) of the whole prompt's prefix and text, image features in their places."""

    @abstractmethod
    def embed_text(self, ids: Tensor) -> Tensor:
        """Input embeddings (B, Q, width) of text token ids (B, Q)."""

    @abstractmethod
    def prompt(self, content: Content) -> Prompt:
        """Render one user message. Raises ValueError for an empty question, an unusable image, a prompt too long."""

    @abstractmethod
    def true_geometry(self, width: int, height: int) -> Geometry:
        """Where the pixels of an image of this size really lie on the patch grid, whatever `geometry` it was loaded with."""

    @abstractmethod
    def identity(self) -> dict[str, str]:
        """What besides weights and code makes an answer: hashes of configuration, tokenizer and image preparation."""

    @property
    @abstractmethod
    def stop_ids(self) -> frozenset[int]:
        """Token ids that end an answer."""
