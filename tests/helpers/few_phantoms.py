"""The demo's tasks with fewer questions than their 300, where their number is not the point: four per image, as ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from commands import FEW

from lmms_vg.datasets import phantoms
from lmms_vg.submission import question_check
from lmms_vg.tasks.registry import TASKS


@contextmanager
def few(count: int = FEW) -> Iterator[None]:
    """Inside the context, this process reads the first `count` questions of every demo task, and takes them for all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phantoms, "COUNT", count)
        for name, task in TASKS.items():
            if task.spec is phantoms.PHANTOMS:
                patch.setitem(TASKS, name, task._replace(n=count))
        question_check.local.cache_clear()
        yield
    question_check.local.cache_clear()
