"""The kinds of text models that every method is tested on: with attention biases and without."""

from __future__ import annotations

import pytest
import tiny
import torch

from lmms_vg.attention import install
from lmms_vg.models import FAMILIES, Family


@pytest.fixture(scope="session", params=["qwen2", "mistral"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    folder = tiny.save(tmp_path_factory.mktemp("tiny") / request.param, request.param)
    made = FAMILIES["llava"].load(str(folder), None, torch.float32, "cpu", None, "true")
    install(made.model)
    return made
