"""The number of questions in a batch: fixed, or as many as memory holds (`batch_size=auto`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from lmms_vg.inference.batch_memory import BatchMemory
from lmms_vg.inference.memory import free_bytes, kept_bytes, peak_bytes, start_measuring
from lmms_vg.inference.pending import Pending
from lmms_vg.models.base import Family

BatchSize = int | Literal["auto"]

#: Most questions of an automatic batch on a GPU. A batch is journalled as a whole, so this many answers are lost at most when a
#: run is killed; and as many opened images wait in main memory.
MOST_ON_GPU = 128

#: The same on other devices. There arithmetic takes the time, not the reading of weights, so large batches gain little, and
#: memory that is used up may end the process without an error to act on.
MOST_ELSEWHERE = 8

#: Share of the free memory that is planned with; the rest is for fragments between tensors.
PLANNED = 0.9

#: The expected ratio of the memory of a batch to its prediction: before any batch was measured, and after that relative to the
#: largest measured ratio.
UNMEASURED, MEASURED = 2.0, 1.1


class BatchLimit:
    """Decides whether questions fit into one batch, and learns from batches that were answered or ran out of memory.

    Memory is read once, when the weights are loaded. So without a GPU, where nothing is measured, the batches of a run depend
    on the questions and on this one number.

    Args:
        family: the model.
        batch_size: number of questions per batch, or "auto".
        forms, selections: as for `BatchMemory`.

    Attributes:
        most: most questions of a batch.
    """

    def __init__(self, family: Family, batch_size: BatchSize = 1, forms: int = 1, selections: int = 1) -> None:
        self._model, self._predicted = family.model, BatchMemory(family, forms, selections).bytes
        self._automatic = batch_size == "auto"
        self._measured = 0.0  # largest ratio of measured and predicted memory
        self._proven = math.inf  # after memory ended: the largest prediction that may still be tried
        if batch_size == "auto":
            self.most = MOST_ON_GPU if family.model.device.type == "cuda" else MOST_ELSEWHERE
            self._free = PLANNED * (free_bytes(family.model) - kept_bytes(family.model))
        else:
            self.most, self._free = batch_size, math.inf

    def fits(self, batch: Sequence[Pending]) -> bool:
        """Return whether these questions may share a batch; a single question always may."""
        if len(batch) == 1:
            return True
        if len(batch) > self.most:
            return False
        if math.inf == self._free == self._proven:
            return True
        predicted = self._predicted(batch)
        ratio = MEASURED * self._measured or UNMEASURED
        return predicted <= self._proven and ratio * predicted <= self._free

    def start(self) -> int:
        """Start to measure the memory of a batch; `learn` needs the number that this returns."""
        return start_measuring(self._model) if self._automatic else 0

    def learn(self, batch: Sequence[Pending], before: int) -> None:
        """Correct the prediction by the memory that an answered batch took; nothing is measured without a GPU."""
        if self._automatic:
            self._measured = max(self._measured, (peak_bytes(self._model) - before) / self._predicted(batch))

    def ran_out(self, batch: Sequence[Pending]) -> None:
        """Remember that memory ended in a batch: from now on none is tried that is larger than its halves."""
        self._proven = min(self._proven, max(map(self._predicted, halves(batch))))


def halves(batch: Sequence[Pending]) -> list[Sequence[Pending]]:
    """Return both halves of a batch of at least two questions, the larger one first."""
    middle = (len(batch) + 1) // 2
    return [batch[:middle], batch[middle:]]


def require_batch_size(size: Any) -> None:
    """Check a given batch size; None is allowed, for `default_batch_size`.

    Raises:
        ValueError: it is neither a positive integer nor "auto".
    """
    if size not in (None, "auto") and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise ValueError(
            f"batch_size={size!r}: allowed is a positive integer or auto, which asks as many questions at once as memory "
            "holds; answers are journalled per batch size"
        )


def default_batch_size(device: str) -> BatchSize:
    """Return the batch size on a device such as "cuda:1" if none is given."""
    return "auto" if device.split(":")[0] == "cuda" else 1
