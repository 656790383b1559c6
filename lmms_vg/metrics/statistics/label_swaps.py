"""p-values of values that are no sums, from swaps of whole images between two runs.

If two runs are equal, their answers about an image could as well be swapped. Where a difference is a sum over images, this
changes the sign of an image's part (`sign_flips`). d' or an AUC is no sum, so it is computed again for every choice of the
images that are swapped. The p-value is the share of the choices whose change is at least as far from 0 as the one observed. It
is right on any number of images if the answers about an image are as likely under either name, and close to right if the runs
are equal in the value that is tested and differ in others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.statistics.clusters import Floats
from lmms_vg.metrics.statistics.sign_flips import TRIED

_DRAWS = 10_000  # Monte Carlo draws at most
_FEW = 20  # extreme draws after which more would not change what p says
_MEMORY = 2**21  # swaps of values in memory

#: Swapped or not, (draws, images) -> changes from the first run to the second, (draws, values).
Changes = Callable[[NDArray[np.bool_]], Floats]


class Shift(NamedTuple):
    """Change of a value that is no sum between two runs on the same questions.

    Attributes:
        mean: value of b minus value of a.
        low: lower end of the 95% interval from a bootstrap of images; NaN, as `high` and `p`, if fewer than ten images have
            an answer that differs.
        high: upper end.
        p: two-sided p-value for no change, from `label_swaps`.
    """

    mean: float
    low: float
    high: float
    p: float


def label_swaps(changes: Changes, differing: NDArray[np.bool_], *, size: int = 0, seed: int = 0) -> Floats:
    """Return the two-sided p-value of each value's change.

    Every choice is tried if there are up to 12 images that differ; else choices are drawn, up to 10,000, until each value has
    been reached by 20 of them.

    Args:
        changes: computes the changes after swaps; without a swap they are the observed ones.
        differing: whether the two runs differ on an image, (images,).
        size: numbers that `changes` holds per draw, if they are more than the images.
        seed: of the draws.
    """
    places = np.flatnonzero(differing)
    observed = np.abs(changes(np.zeros((1, len(differing)), dtype=bool))[0])
    # The same answers may be summed in another order.
    far = observed - 1e-9 * np.maximum(1.0, observed)
    exact = len(places) <= TRIED
    batch = max(1, min(2_000, _MEMORY // max(size, len(differing))))
    extreme, done = np.zeros(len(far)), 0
    for swapped in _all(len(places), batch) if exact else _drawn(len(places), batch, seed):
        full = np.zeros((len(swapped), len(differing)), dtype=bool)
        full[:, places] = swapped
        extreme += (np.abs(changes(full)) >= far).sum(0)
        done += len(swapped)
        if not exact and (extreme >= _FEW).all():
            break
    return extreme / done if exact else (1 + extreme) / (1 + done)


def _all(images: int, batch: int) -> Iterator[NDArray[np.bool_]]:
    for start in range(0, 2**images, batch):
        numbers = np.arange(start, min(start + batch, 2**images))
        yield (numbers[:, None] >> np.arange(images) & 1).astype(bool)


def _drawn(images: int, batch: int, seed: int) -> Iterator[NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    for start in range(0, _DRAWS, batch):
        yield rng.integers(0, 2, (min(batch, _DRAWS - start), images), dtype=np.int8).astype(bool)
