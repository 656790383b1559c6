"""The interface of a model family, and the prompt that it renders from images and text."""

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

#: Images and texts of one user message, in order.
Content = Sequence[Picture | str]


@dataclass(frozen=True)
class Prompt:
    """One rendered question: token ids, with all tokens of each image in place, and the positions of its parts.

    Positions are absolute, 0-based and without padding. T: tokens, N: image tokens, I: images.
    """

    #: The rendered text; `<image>` stands for all tokens of one image.
    text: str
    #: (T,) token ids; ids at image positions are placeholders.
    input_ids: Tensor
    #: (N,) positions of the image tokens, image after image, each row by row.
    image_tokens: Tensor
    #: [start, stop) of the user's text after the last image; start == stop when there is none.
    question: tuple[int, int]
    #: (I, 3, height, width) input of the vision tower; None without images.
    pixel_values: Tensor | None
    #: How the pixels of each image map to its patch grid.
    geometries: tuple[Geometry, ...]
    #: SHA-256 of the pixels of each image.
    image_hashes: tuple[str, ...]
    #: The message that was rendered; methods use it to ask the same in another form.
    content: tuple[Picture | str, ...]

    @property
    def prefix(self) -> int:
        """Number of tokens up to the end of the last image, which questions about the same image share."""
        return int(self.image_tokens[-1]) + 1 if len(self.image_tokens) else 0

    @property
    def prefix_key(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Prompts with equal keys have the same prefix, token for token and pixel for pixel."""
        return self.image_hashes, tuple(self.input_ids[: self.prefix].tolist())


class Family(ABC):
    """A loaded model of one family. A family knows nothing about methods."""

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
        """Load weights (safetensors only), tokenizer and image processor.

        Args:
            pretrained: Hub id or folder of the checkpoint, or `demo`.
            revision: Branch, tag or commit of the hub repository; None is its main branch.
            dtype: Dtype of the weights.
            device: Device of the whole model, if `device_map` is None.
            device_map: As in transformers, to spread layers over several devices.
            geometry: `true` maps boxes as the pixels are mapped, `stretch` as the paper's released code does.

        Raises:
            CheckpointError: The checkpoint cannot be used; the message says what to do.
        """

    @classmethod
    def inspect(cls, pretrained: str, revision: str | None = None) -> Shape:
        """Read layers and heads of a checkpoint from its small files.

        Raises:
            CheckpointError: The checkpoint is of another family, or cannot be read.
        """
        return replace(shape_of(pretrained, revision), family=cls.name)

    @property
    @abstractmethod
    def text_model(self) -> Any:
        """The decoder stack, which has `layers`, `norm`, `rotary_emb` and `config`."""

    @property
    @abstractmethod
    def lm_head(self) -> Any:
        """The output head, from hidden states to logits."""

    @abstractmethod
    def embed(self, prompts: Sequence[Prompt]) -> Tensor:
        """Input embeddings (B, prefix, width) of the prefixes of B prompts, with image features at the image positions.

        All prefixes are equally long, hold as many image tokens, and have at least one image. The rows must not depend on
        each other. Running the vision tower once, on the images of all prompts, is faster than one by one.
        """

    @abstractmethod
    def embed_text(self, ids: Tensor) -> Tensor:
        """Input embeddings (B, Q, width) of text token ids (B, Q)."""

    @abstractmethod
    def prompt(self, content: Content) -> Prompt:
        """Render one user message.

        It is called in a thread of its own while the model answers earlier questions, and meanwhile by methods that ask in
        another form. So it must not run the model, nor count on what an earlier call left behind.

        Raises:
            ValueError: The question is empty, an image is unusable, or the prompt is too long.
        """

    @abstractmethod
    def true_geometry(self, width: int, height: int) -> Geometry:
        """How an image of this size (pixels) is really mapped to the patch grid, whatever `geometry` was loaded."""

    @abstractmethod
    def identity(self) -> dict[str, str]:
        """Hashes of what can change an answer besides weights and code: configuration, tokenizer, images, prompt."""

    @property
    @abstractmethod
    def stop_ids(self) -> frozenset[int]:
        """Token ids that end an answer."""
