"""VGRefine as written in the paper: three full passes per question, with eager attention.

This is the baseline, independent of lmms_vg's engine. It is not slowed down on purpose: logits are computed only for the
last token, the vision tower keeps SDPA, and the third pass does not return its attention.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoProcessor, LlavaForConditionalGeneration

from benchmarks.contest import Round
from benchmarks.questions import REFERENCE, Asked


class EagerVGRefine:
    """Triage from `output_attentions=True`; knockout by a hook that edits one layer's additive mask.

    Attributes:
        attention_bytes: size of the attention tensors that the last question and its reference returned.
    """

    def __init__(
        self,
        folder: Path,
        heads: Sequence[tuple[int, int]],
        layer: int,
        percentile: float,
        dtype: torch.dtype,
        new_tokens: int,
    ) -> None:
        self.model = LlavaForConditionalGeneration.from_pretrained(
            folder, dtype=dtype, attn_implementation={"text_config": "eager", "vision_config": "sdpa"}
        ).eval()
        self.processor = AutoProcessor.from_pretrained(folder)
        self.heads, self.layer, self.percentile, self.new_tokens = heads, layer, percentile, new_tokens
        self.attention_bytes = 0

    def __call__(self, images: Round) -> list[str]:
        """Answers to all questions of a round."""
        return [self.answer(asked, text) for asked in images for text in asked.questions]

    @torch.inference_mode()
    def answer(self, asked: Asked, text: str) -> str:
        """The answer to one question about the image."""
        inputs = self._inputs(asked, text)
        image = (inputs["input_ids"][0] == self.model.config.image_token_id).nonzero()[:, 0]
        question = self._attention(inputs)
        reference = self._attention(self._inputs(asked, REFERENCE))
        self.attention_bytes = sum(weights.nbytes for weights in (*question, *reference))
        last = [[weights[0, :, -1, image] for weights in layers] for layers in (question, reference)]
        del question, reference
        with self._hidden(image[self._irrelevant(*last)], int(image[-1]) + 1):
            tokens = self.model.generate(**inputs, max_new_tokens=self.new_tokens, do_sample=False)
        text_of: str = self.processor.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return text_of

    def _inputs(self, asked: Asked, text: str) -> Any:
        message = [{"role": "user", "content": f"<image>\n{text}"}]
        prompt = self.processor.tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        return self.processor(images=asked.open(), text=prompt, return_tensors="pt").to(self.model.dtype)

    def _attention(self, inputs: Any) -> tuple[Tensor, ...]:
        """Attention weights, one tensor (1, H, T, T) per layer."""
        layers: tuple[Tensor, ...] = self.model(**inputs, output_attentions=True, logits_to_keep=1).attentions
        return layers

    def _irrelevant(self, question: list[Tensor], reference: list[Tensor]) -> Tensor:
        """(N,) bool: the irrelevant image tokens, from the last token's (H, N) maps per layer."""
        maps = [question[layer][head] / (reference[layer].mean(0) + 1e-10) for layer, head in self.heads]
        mean = torch.stack(maps).float().mean(0)
        return mean < torch.quantile(mean, self.percentile / 100)

    @contextmanager
    def _hidden(self, keys: Tensor, start: int) -> Iterator[None]:
        """During the prefill, rows from `start` on do not attend to `keys` at the knockout layer."""

        def block(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
            mask = kwargs["attention_mask"]
            if mask.shape[-2] > 1:  # decode steps are not blocked
                mask = mask.clone()
                mask[..., start:, keys] = torch.finfo(mask.dtype).min
            return args, {**kwargs, "attention_mask": mask}

        layer = self.model.model.language_model.layers[self.layer].self_attn
        handle = layer.register_forward_pre_hook(block, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()
