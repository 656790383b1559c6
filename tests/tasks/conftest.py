"""Fixtures: small data in the raw layout of every source, and the task folder as lmms-eval reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import raw

import lmms_vg.tasks
from lmms_vg import journal
from lmms_vg.datasets import counts

if TYPE_CHECKING:
    from lmms_eval.tasks import TaskManager

# No __init__.py in this folder: tests/helpers is on sys.path.
TASKS = str(Path(lmms_vg.tasks.__file__).parent)


@pytest.fixture(scope="session", autouse=True)
def datasets_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The host reads this variable once per process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMMS_EVAL_DATASETS_CACHE", str(tmp_path_factory.mktemp("datasets")))
        yield


@pytest.fixture(scope="session")
def manager() -> TaskManager:
    from lmms_eval.tasks import TaskManager  # late: not every test of this room needs what it imports

    return TaskManager("ERROR", include_path=TASKS, include_defaults=False)


@pytest.fixture(autouse=True)
def empty_journal() -> Iterator[None]:
    journal.forget()
    yield
    journal.forget()


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("data")
    raw.write_all(data)
    return data


@pytest.fixture
def raw_data(written: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An LMMS_VG_DATA with a few questions of every source and relaxed counts. Tests must not write to it."""
    monkeypatch.setenv("LMMS_VG_DATA", str(written))
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    monkeypatch.setattr(counts, "deviations", {})
    return written
