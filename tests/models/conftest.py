"""Tiny checkpoints of the families that are not CLIP's plain square; a module's own fixture of the same name goes before."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import tiny_families

from lmms_vg.models import Family


@pytest.fixture(scope="module", params=tiny_families.CHECKPOINTS)
def name(request: pytest.FixtureRequest) -> str:
    """Name of a tiny checkpoint."""
    return str(request.param)


@pytest.fixture(scope="module")
def folder(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder."""
    folder = tmp_path_factory.mktemp("native") / name
    tiny_families.CHECKPOINTS[name][2](folder)
    return folder


@pytest.fixture(scope="module")
def loaded(name: str, folder: Path) -> Family:
    """The family, loaded once; nobody asks this one."""
    return tiny_families.load(name, folder)


@pytest.fixture
def family(loaded: Family) -> Family:
    """The loaded family, with transformers' own attention."""
    return deepcopy(loaded)
