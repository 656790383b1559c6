"""The token for gated repositories: whether it is there, never what it is."""

from __future__ import annotations

import huggingface_hub
import pytest

from lmms_vg.doctor import gated
from lmms_vg.models import FAMILIES
from lmms_vg.models.medgemma import MedGemma

TOKEN = "hf_" + "x" * 30


@pytest.mark.parametrize(("value", "mark"), [(TOKEN, "ok"), (None, "note")])
def test_the_token_is_looked_for_and_never_shown(monkeypatch: pytest.MonkeyPatch, value: str | None, mark: str) -> None:
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: value)
    monkeypatch.setattr(FAMILIES, "usable", lambda: {"medgemma": MedGemma})
    (finding,) = gated.token()
    assert finding.mark == mark
    assert "google/medgemma-4b-it" in finding.text
    assert TOKEN not in finding.text + finding.remedy
    assert finding.remedy.startswith("hf auth login") == (value is None)


def test_without_gated_checkpoints_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FAMILIES, "usable", dict)
    assert list(gated.token()) == []
