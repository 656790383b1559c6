"""One batch of questions and the methods that answer it, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import torch
from loguru import logger

from lmms_vg._util.error_codes import Failure
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.decoder import DEVICE_IS_GONE
from lmms_vg.inference.asking import Asking
from lmms_vg.inference.batch_limit import BatchLimit, halves
from lmms_vg.inference.memory import is_out_of_memory
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.pending import Pending
from lmms_vg.journal import Record


class BatchRun:
    """Asks batches; the methods of a batch share its image prefixes and the unedited run, and the first one opens both.

    Args:
        asking: how questions are asked.
        limit: what fits into a batch.
        check: called before every method; may raise to stop.
    """

    def __init__(self, asking: Asking, limit: BatchLimit, check: Callable[[], None]) -> None:
        self._asking, self._limit, self._check = asking, limit, check

    def ask(
        self, batch: Sequence[Pending], method_runs: Sequence[MethodRun], again: bool = False
    ) -> Iterator[tuple[MethodRun, Pending, Record]]:
        """Answer the questions with every method and journal the records.

        If a method fails on the batch, it is asked its questions one by one, so that only the broken ones fail. If memory
        runs out, image prefixes of earlier questions are dropped, and the halves of the batch are asked with this method and
        the following ones. A single question gets a second attempt then: it is `again`.
        """
        if not self._limit.fits(batch):  # memory ran out after this batch was put together
            for half in halves(batch):
                yield from self.ask(half, method_runs)
            return
        shared: Batch | None = None
        before = self._limit.start()
        for place, method_run in enumerate(method_runs):
            self._check()
            prepared = [pending.prepared[method_run] for pending in batch]
            records: list[Record] | None = None
            is_full = False
            started = time.perf_counter()
            try:
                if shared is None:
                    shared = self._asking.open(prepared)
                answered = self._asking.records(method_run, shared, prepared, started)
            except DEVICE_IS_GONE:
                raise  # every later question would fail too; the journal has the answers so far
            except Exception as problem:  # noqa: BLE001 - recorded here, or question by question below
                shared = None  # reopened below, or by the next method
                is_full = is_out_of_memory(problem)
                if len(batch) == 1 and (again or not is_full):
                    records = [method_run.fail(prepared[0].question, Failure.of(problem), prepared[0])]
                logger.debug(f"a batch of {len(batch)} questions failed: {problem}")
            else:
                method_run.keep(*answered)
                self._limit.learn(batch, before)
                records = answered.records
            if records is not None:
                yield from zip([method_run] * len(batch), batch, records, strict=True)
                continue
            if torch.cuda.is_available():  # not inside the except block: its traceback holds the failed batch's memory
                torch.cuda.empty_cache()
            if is_full:
                for part in self._smaller(batch):
                    yield from self.ask(part, method_runs[place:], again=len(batch) == 1)
                return
            for pending in batch:
                yield from self.ask([pending], [method_run])

    def _smaller(self, batch: Sequence[Pending]) -> list[Sequence[Pending]]:
        """Make room after memory ran out, and return what to ask in place of the batch."""
        self._asking.sessions.shrink()
        if len(batch) == 1:
            return [batch]
        self._limit.ran_out(batch)
        parts = halves(batch)
        logger.info(
            f"{len(batch)} questions took too much memory: at most {len(parts[0])} like these are asked at once now"
        )
        return parts
