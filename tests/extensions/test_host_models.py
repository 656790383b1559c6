"""Names of lmms-eval's models are those of its own dictionaries, without importing them."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from pathlib import Path

import lmms_eval.models as host
import pytest

from lmms_vg.extensions import host_models as module
from lmms_vg.extensions.host_models import host_models
from lmms_vg.extensions.registered import model_ids


def test_they_are_those_that_lmms_eval_has() -> None:
    """Its dictionaries also have ours by now, and what other plugins added."""
    listed = {*host.AVAILABLE_SIMPLE_MODELS, *host.AVAILABLE_CHAT_TEMPLATE_MODELS} - model_ids().keys()
    assert {"llava_hf", "qwen2_5_vl", "openai"} <= listed <= host_models()
    assert not host_models() & model_ids().keys(), "none of ours has the name of one of theirs"


@pytest.mark.parametrize("source", [None, "x = (", "AVAILABLE_SIMPLE_MODELS = list()"])
def test_another_lmms_eval_has_none(source: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if source is not None:
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / "__init__.py").write_text(source)
    spec = ModuleSpec("lmms_eval", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(module, "find_spec", lambda _: spec)
    assert host_models.__wrapped__() == frozenset()


def test_aliases_are_names_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text(
        'MODEL_ALIASES: dict = {"long": ("short", "brief")}\nOTHER = {"no": 1}'
    )
    spec = ModuleSpec("lmms_eval", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(module, "find_spec", lambda _: spec)
    assert host_models.__wrapped__() == {"long", "short", "brief"}
