"""The layer at which a look is judged: named, or chosen on other questions than those that are judged.

The layer of lowest mean KL on the questions that are reported is the best of many on them, so what is reported there is too
good. Images, or patients where they are known, fall into two halves by a hash of their name, the same in all runs. The layer
of each half is the one of lowest mean KL over the questions of the other half. Where a half has no questions, the layer is
chosen on what it is judged on: in-sample.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.alignment import best_layer

#: The way a layer was chosen. On other images: on COCO for medical ones, or the other way round, as `lmms-vg study` does.
Rule = Literal["named", "other images", "other half", "in-sample"]


class LayerChoice(NamedTuple):
    """A layer for the questions of each half, from 0, and how it was chosen; `on`: the task it was chosen on, if told."""

    halves: tuple[int, int]
    how: Rule
    on: str = ""

    @property
    def layers(self) -> list[int]:
        """The layers that are needed, one or two."""
        return sorted(set(self.halves))

    @property
    def in_sample(self) -> bool:
        """Whether the layer was chosen on the questions that it is judged on."""
        return self.how == "in-sample"

    @property
    def said(self) -> str:
        """The layers alone, as in the columns of tables."""
        return "/".join(map(str, self.layers))

    def at(self, unit: str) -> int:
        """Return the layer of an image, or of a patient."""
        return self.halves[half_of(unit)]

    def of(
        self, values: NDArray[np.float64], units: Sequence[str], layers: Sequence[int] | None = None
    ) -> NDArray[np.float64]:
        """Return the value of each question at its layer, (questions,).

        Args:
            values: (questions, layers).
            units: image, or patient, of each question.
            layers: the layers that the columns are of; all by default.
        """
        columns = np.array([layer if layers is None else layers.index(layer) for layer in self.halves])
        taken: NDArray[np.float64] = values[np.arange(len(units)), columns[halves(units).astype(int)]]
        return taken

    def __str__(self) -> str:
        layers = " or ".join(map(str, self.layers))
        return layers if self.how == "named" else f"{layers} ({self.how})"


def named(layer: int) -> LayerChoice:
    """Return one layer for all images."""
    return LayerChoice((layer, layer), "named")


def check_used(layer: int | None, looked: Collection[object], runs: str) -> None:
    """Check that a named layer can be looked at.

    Args:
        layer: the layer that was asked for; None if none was.
        looked: the tasks with measured attention.
        runs: the runs, for the message.

    Raises:
        ValueError: a layer was asked for, and there is no such task.
    """
    if layer is not None and not looked:
        raise ValueError(
            f"layer {layer}: no task of {runs} has measured attention; leave the layer out, or ask questions with boxes"
        )


def on_the_other_half(kl: NDArray[np.float64], units: Sequence[str]) -> LayerChoice:
    """Choose a layer for each half.

    Args:
        kl: KL of every question at every layer, (questions, layers).
        units: image, or patient, of each question.

    Raises:
        ValueError: as in `alignment.best_layer`.
    """
    return on_the_other_halves([(kl, units)])


def on_the_other_halves(tasks: Sequence[tuple[NDArray[np.float64], Sequence[str]]]) -> LayerChoice:
    """Choose a layer for each half of several tasks at once: that of lowest mean KL, where each task counts the same.

    Args:
        tasks: KL and units of each task, as of `on_the_other_half`; all have the same layers.

    Raises:
        ValueError: as in `alignment.best_layer`.
    """
    split = [(kl, halves(units)) for kl, units in tasks]
    if any(half.all() or not half.any() for _, half in split):
        layer = _best_of_all([kl for kl, _ in split])
        return LayerChoice((layer, layer), "in-sample")
    first, second = ([kl[half == side] for kl, half in split] for side in (False, True))
    return LayerChoice((_best_of_all(second), _best_of_all(first)), "other half")


def _best_of_all(tables: Sequence[NDArray[np.float64]]) -> int:
    """Return the layer of lowest mean over tables, each of which has the weight of the longest; a single one stays as it is."""
    most = max(map(len, tables))
    return best_layer(np.concatenate([kl * (most / max(len(kl), 1)) for kl in tables]))


def halves(units: Sequence[str]) -> NDArray[np.bool_]:
    """Return whether each question is in the second half; the questions of an image, or patient, stay together."""
    return np.array([half_of(unit) for unit in units], dtype=bool)


@lru_cache(maxsize=1 << 16)  # a study asks about the same images for each of its tables
def half_of(unit: str) -> int:
    """Return 0 or 1 for the name of an image, or of a patient.

    >>> half_of("a"), half_of("b")
    (1, 0)
    """
    return hashlib.sha256(f"half {unit}".encode()).digest()[0] & 1
