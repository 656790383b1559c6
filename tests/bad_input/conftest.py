"""A tiny checkpoint, both families on it, and a way to ask that checks that nothing else was harmed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from asking import GOOD, Ask, good, question
from llavas import LLAVAS
from PIL import ImageFile

from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Question
from lmms_vg.journal import Journal, Record, read_records
from lmms_vg.methods.plain import Plain
from lmms_vg.models import Family


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def families(checkpoint: Path) -> dict[str, Family]:
    return {
        name: family.load(str(checkpoint), None, torch.float32, "cpu", None, "true", family.options())
        for name, family in LLAVAS.items()
    }


@pytest.fixture
def ask(families: dict[str, Family], tmp_path: Path) -> Iterator[Ask]:
    """Ask questions with a good one before and behind them, which must be answered; the counts must add up."""
    opened: list[Journal] = []

    def asked(questions: Sequence[Question], family: str = "huatuo", **values: Any) -> dict[str, Record]:
        opened.append(Journal(tmp_path / f"journal{len(opened)}"))
        answerer = Answerer(families[family], [MethodRun(values.pop("method", Plain()), opened[-1])], **values)
        align = questions[0].align
        boxes = [[5, 5, 30, 30]] if align else []
        first, last = good("first", align=align, boxes=boxes), question("last", tiny.picture(2), GOOD)
        records = {one.uid: record for one, record in answerer.answer([first, *questions, last])}
        assert len(records) == len(questions) + 2
        assert (records["first"].error, records["last"].error) == (None, None)
        failed = sum(record.error is not None for record in records.values())
        counts = answerer.counts
        assert (counts.asked, counts.failed) == (len(records), failed)
        assert counts.answered + counts.from_journal == len(records) - failed
        journalled = {one.uid: one.error for one in read_records([opened[-1].path])}
        assert {records[uid].error for uid in journalled} == set(journalled.values())
        assert len(journalled) == counts.asked, "every question has a line of its own"
        return records

    yield asked
    for one in opened:
        one.close()


@pytest.fixture
def truncated_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """lmms-eval switches this on when it is imported."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
