"""One batch of questions and the methods that answer it, one after the other."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from loguru import logger

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.decoder import DEVICE_IS_GONE
from lmms_vg.inference.asking import Asking
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Prepared
from lmms_vg.journal import Record


class BatchRun:
    """A batch whose methods share the image prefixes and the unedited run; the first method opens both."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._shared: Batch | None = None

    def ask(self, method_run: MethodRun, prepared: Sequence[Prepared]) -> list[Record]:
        """Answer the questions with one method, journal the records and return them.

        If the batch fails, its questions are asked one by one, so that only the broken ones fail.
        """
        started = time.perf_counter()
        try:
            if self._shared is None:
                self._shared = self._asking.open(prepared)
            records = self._asking.records(method_run, self._shared, prepared, started)
        except DEVICE_IS_GONE:
            raise  # every later question would fail too; the journal has the answers so far
        except Exception as problem:  # noqa: BLE001 - recorded here, or question by question below
            self._shared = None  # reopened below, or by the next method
            if len(prepared) == 1:
                return [method_run.fail(prepared[0].question, problem, prepared[0])]
            logger.debug(f"a batch of {len(prepared)} questions failed ({problem}); they are asked one by one")
        else:
            method_run.keep(records)
            return records
        if torch.cuda.is_available():  # not inside the except block: its traceback holds the failed batch's memory
            torch.cuda.empty_cache()
        return [record for form in prepared for record in BatchRun(self._asking).ask(method_run, [form])]
