"""Memory that the tensors of a batch take, predicted from shapes. Weights are not counted.

What a batch holds at its peak, per layer and token, follows from the code in `attention/`: keys and values exist once in the
image's session, once stacked for the questions of the batch, once with the tokens after the image (`UneditedRun`), and once in
the cache that answers are decoded on, which has room for further tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from lmms_vg.attention.decoder import ROOM
from lmms_vg.attention.interface import ROWS_AT_A_TIME
from lmms_vg.inference.pending import Pending
from lmms_vg.models.base import Family, Prompt

#: Bytes of fp32: captured maps, explicitly computed rows, logits and pixels.
FP32 = 4


class BatchMemory:
    """Predicts the memory of batches of one model.

    Args:
        family: the model.
        forms: in how many forms, each with prefixes of its own, a method asks every question (`Method.prefixes`).
        selections: of how many selections of token rows the maps are captured.

    Attributes:
        token: bytes of keys and values of one token, in all layers.
    """

    def __init__(self, family: Family, forms: int = 1, selections: int = 1) -> None:
        text: Any = family.text_model.config
        self._forms, self._selections = forms, selections
        self._size = torch.finfo(family.model.dtype).bits // 8
        self._depth: int = text.num_hidden_layers
        self._width: int = text.hidden_size
        self._inner: int = text.intermediate_size
        self._vocabulary: int = text.vocab_size
        self._heads: int = text.num_attention_heads
        self._channels: int = getattr(text, "head_dim", None) or self._width // self._heads
        self._key_heads: int = getattr(text, "num_key_value_heads", None) or self._heads
        self._vision: Any = getattr(family.model.config, "vision_config", None)
        self.token: int = 2 * self._depth * self._key_heads * self._channels * self._size

    def bytes(self, batch: Sequence[Pending]) -> int:
        """Return the predicted peak of a batch.

        It is either in the prefill of the images or later, when the questions have run and are decoded. A further form of the
        questions comes on top of what the first one holds.
        """
        prepared = [next(iter(pending.prepared.values())) for pending in batch]
        prompts = [form.prompt for form in prepared]
        images = list({prompt.image_hashes: prompt for prompt in prompts}.values())
        prefix = prompts[0].prefix
        behind = max(len(prompt.input_ids) for prompt in prompts) - prefix
        reference = max(len(form.reference.input_ids) - form.reference.prefix for form in prepared)
        decoded = batch[0].question.decoding.max_new_tokens

        sessions = len(images) * prefix * self.token
        stacked = len(batch) * prefix * self.token if len(images) > 1 else 0
        unedited = len(batch) * self._run(prefix, behind)
        references = len(images) * (self._run(prefix, reference) + prefix * self.token)
        cache = len(batch) * (prefix + behind + decoded + ROOM) * self.token
        rows = len(batch) * self._explicit(prefix + behind, min(behind, ROWS_AT_A_TIME))
        per_map = self._depth * self._heads * len(prompts[0].image_tokens) * FP32
        maps = self._selections * (len(batch) + len(images)) * per_map
        logits = 4 * len(batch) * self._vocabulary * FP32  # as computed, in fp32, changed, and those of a contrast
        first = sessions + sum(map(self._prefill, images))
        later = sessions + stacked + unedited + max(references, cache) + rows + maps + logits
        return max(first, later) + (self._forms - 1) * later

    def _run(self, prefix: int, behind: int) -> int:
        """Return the bytes that the unedited run keeps of a question: keys, values, and the hidden states of every layer."""
        return (prefix + behind) * self.token + behind * self._width * (self._depth + 1) * self._size

    def _explicit(self, keys: int, rows: int) -> int:
        """Rows that are computed explicitly: keys and values in fp32, and three times scores or weights of all heads."""
        return (2 * self._key_heads * self._channels * keys + 3 * self._heads * rows * keys) * FP32

    def _prefill(self, prompt: Prompt) -> int:
        """Activations of the prefill of a prompt's images: those of one text layer, and the vision tower's."""
        layer = 4 * self._width + 3 * self._inner + 2 * self._heads * self._channels
        total = prompt.prefix * layer * self._size
        for image in prompt.images:
            total += image.pixels.numel() * (FP32 + self._size)
            if self._vision is not None:
                total += self._patches(image.pixels) * self._patch_width() * self._size
        return total

    def _patches(self, pixels: torch.Tensor) -> int:
        """Return the number of patches that the vision tower sees; a text token may stand for several."""
        side = self._vision.patch_size
        area: int = side**2 if isinstance(side, int) else math.prod(side)
        return -(-pixels.numel() // (3 * area))

    def _patch_width(self) -> int:
        """Numbers per patch: the hidden states of all layers, which some towers return, and the widest layer's."""
        vision = self._vision
        width: int = (
            getattr(vision, "embed_dim", None) or vision.hidden_size
        )  # Qwen2-VL's hidden_size is the text model's
        depth: int = getattr(vision, "num_hidden_layers", None) or vision.depth
        inner: int = getattr(vision, "intermediate_size", None) or int(vision.mlp_ratio * width)
        return width * (depth + 4) + 2 * inner
