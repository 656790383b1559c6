"""Offline or not depends on the switches that the libraries have read."""

from __future__ import annotations

import pytest
from datasets import config
from huggingface_hub import constants

from lmms_vg.doctor import offline


@pytest.mark.parametrize("hub", [True, False])
@pytest.mark.parametrize("library", [True, False])
def test_what_is_in_force(hub: bool, library: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", hub)
    monkeypatch.setattr(config, "HF_HUB_OFFLINE", library)
    first, *more = offline.in_force()
    assert (first.mark, "nothing is downloaded" in first.text) == ("ok", hub)
    assert [(finding.mark, finding.remedy) for finding in more] == [("note", "unset HF_DATASETS_OFFLINE")] * (
        hub != library
    )
