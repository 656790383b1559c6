"""A run says whether its method has the defaults for its checkpoint: of many settings, the leaderboard ranks that one."""

from __future__ import annotations

from typing import Any

import pytest

from lmms_vg.inference.build import build


@pytest.mark.parametrize(
    ("method", "given", "default"),
    [
        ("plain", {}, True),
        ("vgrefine", {}, True),
        ("vgrefine", {"p": 50}, True),  # said, and the same
        ("vgrefine", {"p": 60}, False),
        ("vgrefine", {"k": 1}, False),  # the default depends on the checkpoint's list of heads
        ("vaf", {"start": 2, "end": 4}, False),  # the defaults are for more layers than the demo has, so there are none
    ],
)
def test_defaults_are_those_for_the_checkpoint(method: str, given: dict[str, Any], default: bool) -> None:
    answerer = build("huatuo", method, pretrained="demo", self_check=False, **given)
    answerer.close()
    assert answerer.journal.provenance["default_settings"] is default
