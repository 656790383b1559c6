"""lmms-eval's own `llava_hf`, called as lmms-eval calls it: the plain run that users have today."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from lmms_eval.api.instance import Instance

from benchmarks.contest import Round

_TASK, _SPLIT = "benchmark", "test"


class LlavaHf:
    """The wrapper at batch size 1, the only size it supports."""

    def __init__(self, folder: Path, dtype: str, new_tokens: int, device: str = "cpu") -> None:
        _stub_decord()
        from lmms_eval.models.simple.llava_hf import LlavaHf as Wrapped

        self.model = Wrapped(pretrained=str(folder), device=device, device_map=device, dtype=dtype, batch_size=1)
        self.new_tokens = new_tokens

    def __call__(self, images: Round) -> list[str]:
        """Answers to all questions of a round.

        Raises:
            RuntimeError: an answer is empty. The wrapper logs an exception of `generate`, such as out of memory, and
                answers with an empty text, which would count as very fast.
        """
        asked = [(image, text) for image in images for text in image.questions]
        self.model.task_dict[_TASK] = {_SPLIT: [image for image, _ in asked]}
        answers: list[str] = self.model.generate_until(
            [self._request(number, text) for number, (_, text) in enumerate(asked)]
        )
        if "" in answers:
            raise RuntimeError("llava_hf gave an empty answer: generate failed, see its log")
        return answers

    def _request(self, number: int, text: str) -> Instance:
        settings = {"max_new_tokens": self.new_tokens, "temperature": 0, "do_sample": False}
        return Instance(
            request_type="generate_until",
            arguments=(text, settings, lambda asked: [asked.open()], number, _TASK, _SPLIT),
            idx=0,
            metadata={"task": _TASK, "doc_id": number, "repeats": 1},
        )


def decord_is_a_stub() -> bool:
    """Whether a stub replaces the video library that `llava_hf` imports."""
    return not hasattr(sys.modules.get("decord"), "__file__")


def _stub_decord() -> None:
    """`llava_hf` imports decord, which lmms-eval does not declare, for videos; no question here is about a video."""
    try:
        import decord  # noqa: F401
    except ImportError:
        stub = ModuleType("decord")
        stub.__dict__.update(VideoReader=None, cpu=None)
        sys.modules["decord"] = stub
