"""Questions to ask in tests, and their errors."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
from PIL import Image

from lmms_vg.inference.build import build
from lmms_vg.inference.question import Question
from lmms_vg.journal import Record
from lmms_vg.journal.decoding import Decoding

Ask = Callable[..., dict[str, Record]]

GOOD = "Where is the nodule?"
VGREFINE = {"heads": "1-0+2-1", "layers": 3}


def question(uid: str, *message: Any, **values: Any) -> Question:
    """A callable in the message is called when the question is asked, as a data set opens its images."""

    def parts() -> list[Any]:
        return [part() if callable(part) else part for part in message]

    return Question("t", uid, parts, "Write a general description.", Decoding(max_new_tokens=3), **values)


def good(uid: str, **values: Any) -> Question:
    return question(uid, tiny.picture(1), GOOD, **values)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(data: bytes) -> Callable[[], Image.Image]:
    return lambda: Image.open(io.BytesIO(data))


def copy(checkpoint: Path, folder: Path, *left_out: str) -> Path:
    shutil.copytree(checkpoint, folder, ignore=shutil.ignore_patterns(*left_out))
    return folder


def refused(said: str, family: str = "huatuo", method: str = "plain", **arguments: Any) -> str:
    """The error message of a wrong configuration."""
    with pytest.raises(ValueError, match=said) as caught:
        build(family, method, **arguments)
    return str(caught.value)
