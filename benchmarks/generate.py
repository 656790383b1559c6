"""`transformers.generate` on left-padded batches: the best loop that a user of transformers would write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.contest import Round


@dataclass(frozen=True)
class Generate:
    """A stock LLaVA and its processor, which opens each image once and answers `batch_size` questions at once."""

    model: Any
    processor: Any
    batch_size: int
    new_tokens: int

    @torch.inference_mode()
    def __call__(self, images: Round) -> list[str]:
        """Answers to all questions of a round."""
        asked = [(picture, text) for entry in images for picture in [entry.open()] for text in entry.questions]
        answers: list[str] = []
        for start in range(0, len(asked), self.batch_size):
            pictures, texts = zip(*asked[start : start + self.batch_size], strict=True)
            inputs = self.processor(
                images=[[picture] for picture in pictures],
                text=[self.prompt(text) for text in texts],
                padding=True,
                padding_side="left",
                return_tensors="pt",
            ).to(self.model.device, self.model.dtype)
            tokens = self.model.generate(**inputs, max_new_tokens=self.new_tokens, do_sample=False)
            new = tokens[:, inputs["input_ids"].shape[1] :]
            answers += self.processor.batch_decode(new, skip_special_tokens=True)
        return answers

    def prompt(self, text: str) -> str:
        """The prompt of a question, with one place for its image."""
        message = [{"role": "user", "content": f"<image>\n{text}"}]
        tokenizer = self.processor.tokenizer
        prompt: str = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        return prompt
