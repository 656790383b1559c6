"""An image prefix, prefilled once: the keys and values of all tokens up to the end of the image.

Text before or between images makes the prefix differ from question to question. Each question then has a session of its
own, which costs one full pass on the same code path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.attention import sdpa_kernel

from lmms_vg.attention.decoder import Decoder, KeyValue, cache_of, layers_of
from lmms_vg.attention.edits import Capture
from lmms_vg.attention.interface import KERNELS, attend
from lmms_vg.attention.stages import stage
from lmms_vg.models.base import Family, Prompt

#: Query rows over which a map is averaged (paper Sec. 2.2: last; supplement: question, all).
Rows = Literal["last", "question", "all"]

#: Different ones of these, of which the first is the one that a run states where it states one.
Selections = tuple[Rows, ...]

#: `Prompt.prefix_key`.
PrefixKey = tuple[tuple[str, ...], tuple[int, ...]]


class ImageSession:
    """The cached prefix of one prompt; `prefilled` makes it.

    Attributes:
        family: the model.
        prefix: number of tokens in the prefix.
        layers: keys and values of each layer, each (1, Hkv, prefix, D); None for an empty prefix.
        sums: layer to (1, H, N), the attention of all prefix rows to the image tokens, summed; empty if nobody wants it.
        references: maps of reference prompts on this prefix, see `ReferenceMaps`.
    """

    def __init__(
        self, family: Family, prefix: int, layers: Sequence[KeyValue | None], sums: Mapping[int, Tensor]
    ) -> None:
        self.family, self.prefix, self.layers, self.sums = family, prefix, layers, sums
        self.decoder = _decoder(family)
        self.references: dict[tuple[Rows, tuple[int, ...]], dict[int, Tensor]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors that live as long as this session."""
        return sum(tensor.nbytes for tensor in self._tensors())

    def _tensors(self) -> Iterator[Tensor]:
        for pair in self.layers:
            yield from pair or ()
        yield from self.sums.values()
        for maps in self.references.values():
            yield from maps.values()


def prefilled(family: Family, prompts: Sequence[Prompt], sums: bool = False) -> list[ImageSession]:
    """Prefill the prefixes of prompts in one pass, the vision tower included.

    Each session gets copies of its rows: a slice would keep the tensors of all prompts in memory. They are made layer by
    layer, and the tensors of a layer are freed before the next one is copied, so that at most one layer is held twice.

    Args:
        family: the model.
        prompts: prompts with different prefixes, all equally long.
        sums: whether to sum the attention of all prefix rows to the image tokens, which maps over "all" rows need.

    Raises:
        ValueError: the prefixes are not equally long.
    """
    if not prompts:
        return []
    decoder, prefix = _decoder(family), common_prefix(prompts)
    if not prefix:
        return [ImageSession(family, 0, [None] * decoder.depth, {}) for _ in prompts]
    with stage("prefix"):
        return _prefilled(family, prompts, sums, decoder, prefix)


def _prefilled(
    family: Family, prompts: Sequence[Prompt], sums: bool, decoder: Decoder, prefix: int
) -> list[ImageSession]:
    with sdpa_kernel(KERNELS):
        hidden, deep = family.embed(prompts)
    positions = _positions(prompts, prefix).to(hidden.device)
    visible = torch.ones(len(prompts), prefix, dtype=torch.bool, device=hidden.device)
    images = _images(prompts, prefix).to(hidden.device) if family.images_see_themselves else None
    masks = decoder.masks(prefix, visible, False, images)
    cache = cache_of([None] * decoder.depth)
    keys = torch.stack([prompt.image_tokens for prompt in prompts]).to(hidden.device)
    capture = Capture(range(decoder.depth), torch.tensor([[0, prefix]] * len(prompts)), keys)
    with attend(decoder.model, *([capture] if sums else [])):
        decoder.run(hidden, cache, positions, masks, deep=deep)
    layers = layers_of(cache)
    del hidden, deep, cache
    rows: list[list[KeyValue]] = [[] for _ in prompts]
    for layer, pair in enumerate(layers):
        assert pair is not None
        layers[layer] = None
        for row, (key, value) in enumerate(zip(_split(pair[0]), _split(pair[1]), strict=True)):
            rows[row].append((key, value))
        del pair, key, value
    split = {layer: _split(total) for layer, total in capture.sums.items()}  # empty unless `sums`
    return [
        ImageSession(family, prefix, pairs, {layer: totals[row] for layer, totals in split.items()})
        for row, pairs in enumerate(rows)
    ]


def common_prefix(parts: Sequence[Prompt] | Sequence[ImageSession]) -> int:
    """Return the length of the prefixes of prompts or sessions in tokens.

    Raises:
        ValueError: they are not equally long.
    """
    lengths = {part.prefix for part in parts}
    if len(lengths) != 1:
        raise ValueError(f"questions of one batch need equally long prefixes, got {sorted(lengths)}")
    return lengths.pop()


def stacked(sessions: Sequence[ImageSession], layer: int) -> KeyValue | None:
    """Return prefix keys and values of all rows; rows on one session share memory until the cache concatenates."""
    pairs = [session.layers[layer] for session in sessions]
    first = pairs[0]
    if first is None:
        return None
    if all(session is sessions[0] for session in sessions):
        return first[0].expand(len(pairs), -1, -1, -1), first[1].expand(len(pairs), -1, -1, -1)
    filled = [pair for pair in pairs if pair is not None]
    return torch.cat([pair[0] for pair in filled]), torch.cat([pair[1] for pair in filled])


class Sessions:
    """Opens image sessions and keeps the most recently used ones, so that further questions about an image reuse its prefix.

    Args:
        family: the model.
        limit: number of bytes that kept sessions may take. What the last batch needs is kept even if it takes more.
        sums: as for `prefilled`.
        prefixes: number of prefixes that a batch needs per prompt (`Method.prefixes`).
    """

    def __init__(self, family: Family, limit: int = 0, sums: bool = False, prefixes: int = 1) -> None:
        self._family, self._limit, self._sums, self._prefixes = family, limit, sums, prefixes
        self._kept: dict[PrefixKey, ImageSession] = {}  # the most recently used last
        self._sizes: dict[PrefixKey, int] = {}  # bytes of each
        self._grown: list[PrefixKey] = []  # those of the last batch

    def open(self, prompts: Sequence[Prompt], keep: bool = True) -> list[ImageSession]:
        """Return the session of each prompt's prefix; prompts with equal prefixes share one.

        Kept sessions are used again, the others are prefilled together. Without `keep`, all are new and none is kept.

        Raises:
            ValueError: the new prefixes are not equally long.
        """
        keys = [prompt.prefix_key for prompt in prompts]
        opened = {key: self._kept[key] for key in keys if keep and key in self._kept}
        new = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in opened}
        opened |= zip(new, prefilled(self._family, list(new.values()), self._sums), strict=True)
        if keep:
            self._keep(opened)
        return [opened[key] for key in keys]

    def shrink(self) -> None:
        """Drop all kept sessions and keep half as many bytes from now on: the memory is needed for answers."""
        self._kept.clear()
        self._sizes.clear()
        self._limit //= 2

    def _keep(self, used: Mapping[PrefixKey, ImageSession]) -> None:
        for key in used:
            self._kept.pop(key, None)
        self._kept |= used
        for key in {*used, *self._grown} & self._kept.keys():  # reference maps may have been added since the last count
            self._sizes[key] = self._kept[key].nbytes
        self._grown = list(used)
        taken = sum(self._sizes.values())
        while taken > self._limit and len(self._kept) > len(used) * self._prefixes:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            taken -= self._sizes.pop(oldest)


def _positions(prompts: Sequence[Prompt], prefix: int) -> Tensor:
    """Return rotary positions of prefixes: (1, prefix), or (3, B, prefix) if images have them in three dimensions."""
    stated = [prompt.positions for prompt in prompts if prompt.positions is not None]
    return torch.stack(stated, dim=1) if stated else torch.arange(prefix)[None]


def _images(prompts: Sequence[Prompt], prefix: int) -> Tensor:
    """Return the number of the image that each token of the prefixes belongs to, (B, prefix); -1 for text."""
    numbers = torch.full((len(prompts), prefix), -1)
    for row, prompt in zip(numbers, prompts, strict=True):
        for number, (start, image) in enumerate(zip(prompt.starts, prompt.images, strict=True)):
            row[start : start + image.tokens] = number
    return numbers


def _decoder(family: Family) -> Decoder:
    return Decoder(family.model, family.text_model, family.lm_head)


def _split(rows: Tensor) -> list[Tensor]:
    """Return the rows of (B, ...) as tensors (1, ...) with memory of their own."""
    return [rows] if len(rows) == 1 else [row.clone() for row in rows.split(1)]
