"""lmms-eval's own `llava_hf`, called as lmms-eval calls it: the plain run that users have today."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from lmms_eval.api.instance import Instance

from benchmarks.questions import Asked

_TASK, _SPLIT = "benchmark", "test"


class LlavaHf:
    """The wrapper at batch size 1, the only size it supports."""

    def __init__(self, folder: Path, dtype: str, new_tokens: int) -> None:
        _stub_decord()
        from lmms_eval.models.simple.llava_hf import LlavaHf as Wrapped

        self.model = Wrapped(pretrained=str(folder), device="cpu", device_map="cpu", dtype=dtype, batch_size=1)
        self.new_tokens = new_tokens

    def __call__(self, asked: Asked) -> list[str]:
        """Answers to all questions about one image."""
        self.model.task_dict[_TASK] = {_SPLIT: [asked] * len(asked.questions)}
        return self.model.generate_until([self._request(number, text) for number, text in enumerate(asked.questions)])

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
