"""The kinds of text models that every method is tested on: with attention biases and without."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import tiny
from checkpoints import load

from lmms_vg.attention import install
from lmms_vg.models import Family


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Family]:
    """Kind of text model -> a family that is loaded once, although files of tests alternate between the two."""

    @cache
    def load_once(kind: str) -> Family:
        family = load("llava", tiny.save(tmp_path_factory.mktemp("tiny") / kind, kind))
        install(family.model)
        return family

    return load_once


@pytest.fixture(scope="session", params=["qwen2", "mistral"])
def family(request: pytest.FixtureRequest, loaded: Callable[[str], Family]) -> Family:
    return loaded(request.param)
