"""vLLM, if it is installed: the questions of a round in one call, so that it forms its own batches and reuses prefixes.

vLLM returns no attention, so it can answer plainly only. It is no dependency, and this file has not been run with it here.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from benchmarks.contest import Round
from benchmarks.generate import Generate


def installed() -> bool:
    """Whether vLLM can be imported."""
    return importlib.util.find_spec("vllm") is not None


class Vllm:
    """An engine of its own, which takes half of the card's memory."""

    def __init__(self, folder: Path, dtype: str, prompts: Generate, new_tokens: int) -> None:
        from vllm import LLM, SamplingParams

        self.engine: Any = LLM(model=str(folder), dtype=dtype, gpu_memory_utilization=0.5, max_model_len=2048)
        self.sampling = SamplingParams(temperature=0, max_tokens=new_tokens, ignore_eos=True)
        self.prompts = prompts

    def __call__(self, images: Round) -> list[str]:
        """Answers to all questions of a round."""
        asked = [
            {"prompt": self.prompts.prompt(text), "multi_modal_data": {"image": picture}}
            for entry in images
            for picture in [entry.open()]
            for text in entry.questions
        ]
        return [result.outputs[0].text for result in self.engine.generate(asked, self.sampling, use_tqdm=False)]
