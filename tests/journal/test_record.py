"""The key of an answer depends on everything that may change it."""

from __future__ import annotations

from typing import Any

import pytest

from lmms_vg.journal import content_key

PARTS: dict[str, Any] = {"prompt": "naïve\n<image>", "images": ["1", "2"], "mask": [[0, 1]], "repeat": 0}


def test_content_key_does_not_depend_on_the_order_of_the_parts() -> None:
    assert content_key(PARTS) == content_key(dict(reversed(PARTS.items())))
    assert len(content_key(PARTS)) == 32


@pytest.mark.parametrize(
    "change", [{"prompt": "naive\n<image>"}, {"images": ["2", "1"]}, {"mask": None}, {"repeat": 1}, {"seed": 0}]
)
def test_content_key_depends_on_every_part(change: dict[str, Any]) -> None:
    assert content_key(PARTS | change) != content_key(PARTS)
