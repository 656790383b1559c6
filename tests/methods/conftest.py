"""The kinds of text models that every method is tested on: with attention biases and without."""

from __future__ import annotations

import pytest
import tiny
from checkpoints import load

from lmms_vg.attention import install
from lmms_vg.models import Family


@pytest.fixture(scope="session", params=["qwen2", "mistral"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    folder = tiny.save(tmp_path_factory.mktemp("tiny") / request.param, request.param)
    made = load("llava", folder)
    install(made.model)
    return made
