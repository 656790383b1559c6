"""The interface of a model family, and the prompt that it renders from images and text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from lmms_vg.models.checkpoint import Shape, shape_of
from lmms_vg.vision.images import Picture
from lmms_vg.vision.patch_grid import Geometry

#: Images and texts of one user message, in order.
Content = Sequence[Picture | str]


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """One image as a model takes it. Some models see an image in several views, such as a thumbnail beside tiles."""

    #: SHA-256 of the image's pixels.
    hash: str
    #: (P, ...) input of the vision tower, as the image processor returns it for this image alone.
    pixels: Tensor
    #: Number of tokens that the image becomes in the prompt.
    tokens: int
    #: (N,) which of these tokens lie on a patch grid: view after view, each row by row. Others mark the ends of rows.
    cells: Tensor
    #: The mapping of the image's pixels to the patch grid of each view. Attention is measured on the first one.
    views: tuple[Geometry, ...]
    #: Side, in pixels, of a square as large as the first view on the model's input.
    side: int


@dataclass(frozen=True)
class Prompt:
    """One rendered question: token ids, with all tokens of each image in place, and the positions of its parts.

    Positions are absolute, 0-based and without padding. T: tokens, N: image tokens on patch grids, I: images.
    """

    #: The rendered text; one image mark stands for all tokens of one image.
    text: str
    #: (T,) token ids; ids at image positions are placeholders.
    input_ids: Tensor
    #: The images, in the order of the prompt.
    images: tuple[PreparedImage, ...]
    #: Position of the first token of each image.
    starts: tuple[int, ...]
    #: [start, stop) of the user's text after the last image; start == stop when there is none.
    question: tuple[int, int]
    #: The message that was rendered; methods use it to ask the same in another form.
    content: tuple[Picture | str, ...]
    #: (3, prefix) rotary positions of the prefix in time, height and width; None where they count the tokens.
    positions: Tensor | None = None

    @cached_property
    def image_tokens(self) -> Tensor:
        """(N,) positions of the image tokens that lie on a patch grid: image after image, view after view, row by row."""
        cells = [start + image.cells for start, image in zip(self.starts, self.images, strict=True)]
        return torch.cat(cells) if cells else torch.empty(0, dtype=torch.long)

    @cached_property
    def prefix(self) -> int:
        """Number of tokens up to the end of the last image, which questions about the same image share."""
        return self.starts[-1] + self.images[-1].tokens if self.images else 0

    @property
    def shift(self) -> int:
        """Rotary position of a token after the prefix minus its index: 0, unless images take fewer positions than tokens."""
        return 0 if self.positions is None else int(self.positions.max()) + 1 - self.prefix

    @property
    def grids(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of every view of every image; prompts with equal grids and prefixes may share a batch."""
        return tuple((view.rows, view.cols) for image in self.images for view in image.views)

    @property
    def image_hashes(self) -> tuple[str, ...]:
        """SHA-256 of the pixels of each image."""
        return tuple(image.hash for image in self.images)

    @property
    def prefix_key(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Prompts with equal keys have the same prefix, token for token and pixel for pixel."""
        return self.image_hashes, tuple(self.input_ids[: self.prefix].tolist())


class Embedded(NamedTuple):
    """Input of the text model for the prefixes of B prompts.

    Attributes:
        hidden: (B, prefix, width) input embeddings, with image features at the image positions.
        deep: what is added to the hidden states after the first, second, ... layer, each (B, prefix, width).
    """

    hidden: Tensor
    deep: Sequence[Tensor] = ()


class KnownCheckpoint(NamedTuple):
    """A checkpoint that people use.

    Attributes:
        name: Its hub id.
        licence: Its licence, as its page states it.
        gigabytes: Size of its weights in bfloat16, in 10^9 bytes.
        gated: Whether its terms must be accepted on the hub before it can be fetched.
    """

    name: str
    licence: str
    gigabytes: float
    gated: bool = False


class FamilyCard(NamedTuple):
    """A family's description of itself in `lmms-vg models`, in a few words each."""

    checkpoints: tuple[KnownCheckpoint, ...] = ()
    tokens: str = ""
    prompt: str = ""
    preprocessing: str = ""
    verified: str = ""
    not_verified: str = ""


@dataclass(frozen=True)
class NoOptions:
    """A family without `--model_args` of its own."""


class Family(ABC):
    """A loaded model of one family. A family does not depend on methods."""

    #: First half of `<family>_<method>`.
    name: ClassVar[str]
    #: Checkpoint used when `pretrained` is not given.
    pretrained: ClassVar[str]
    #: Frozen dataclass of the family's own `--model_args`, all with defaults; its `__post_init__` refuses wrong values.
    options: ClassVar[type[Any]] = NoOptions
    #: The description that `lmms-vg models` shows.
    card: ClassVar[FamilyCard] = FamilyCard()
    #: Whether the tokens of an image attend to all tokens of the same image, also to later ones.
    images_see_themselves: ClassVar[bool] = False

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
        options: Any = None,
    ) -> Family:
        """Load weights (safetensors only), tokenizer and image processor.

        Args:
            pretrained: Hub id or folder of the checkpoint, or `demo`.
            revision: Branch, tag or commit of the hub repository; None is its main branch.
            dtype: Dtype of the weights.
            device: Device of the whole model, if `device_map` is None.
            device_map: As in transformers, to spread layers over several devices.
            geometry: `true` maps boxes as the pixels are mapped, `stretch` as the paper's released code does.
            options: The family's own settings, an instance of `cls.options`; None for the defaults.

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
    def embed(self, prompts: Sequence[Prompt]) -> Embedded:
        """Embed the prefixes of B prompts.

        All prefixes are equally long, hold as many image tokens on the same grids, and have at least one image. The rows must
        not depend on each other. Running the vision tower once, on the images of all prompts, is faster than one by one.
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
    def views(self, width: int, height: int) -> tuple[Geometry, ...]:
        """Return the real mapping of an image of this size (pixels) to each view's patch grid, whatever `geometry` was loaded.

        The view that is measured comes first.
        """

    @abstractmethod
    def stock_inputs(self, prompt: Prompt) -> dict[str, Tensor]:
        """Return the arguments with which the transformers model runs this prompt by itself; `input_ids` is (1, T)."""

    def noise(self, image: PreparedImage, generator: torch.Generator) -> Tensor:
        """Standard normal noise for the pixels of an image, in the shape of `image.pixels`.

        Pixels that an image processor repeats need the same noise in every copy.
        """
        return torch.randn(image.pixels.shape, generator=generator)

    @abstractmethod
    def identity(self) -> dict[str, str]:
        """Hashes of what can change an answer besides weights and code: configuration, tokenizer, images, prompt."""

    @property
    @abstractmethod
    def stop_ids(self) -> frozenset[int]:
        """Token ids that end an answer."""
