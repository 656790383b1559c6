"""Journals that are closed after the test, and the warnings during it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from journals import Opened, record
from loguru import logger

from lmms_vg.journal import Journal


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    heard: list[str] = []
    sink = logger.add(lambda message: heard.append(str(message)), level="WARNING", format="{message}")
    yield heard
    logger.remove(sink)


@pytest.fixture
def opened() -> Iterator[Opened]:
    with ExitStack() as stack:
        yield lambda *arguments, **more: stack.enter_context(Journal(*arguments, **more))


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A journal folder with three answers, written one by one."""
    with Journal(tmp_path) as made:
        for key in "abc":
            made.write([record(key)])
    return tmp_path
