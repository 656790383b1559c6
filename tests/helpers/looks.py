"""Journals of attention that is blind to its boxes, and of attention that finds them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from journals import record
from maps import question_map
from numpy.typing import NDArray
from saved_run import IDENTITY

from lmms_vg.journal import Journal, LayerMaps, QuestionMap, ReferenceMap
from lmms_vg.metrics import donors, nulls
from lmms_vg.metrics.uniform import uniform
from lmms_vg.runs.layer_choice import named
from lmms_vg.runs.map_looks import MapLooks
from lmms_vg.runs.results import Run

GRID = (8, 8)
EVEN = LayerMaps.of(np.ones((2, 64)) / 100, np.ones(2) / 2)
Look = Callable[[np.random.Generator, NDArray[np.bool_]], NDArray[np.float64]]


def blind(rng: np.random.Generator, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Noise under a preference for the middle, in two layers."""
    y, x = np.mgrid[0:8, 0:8] - 3.5
    values: NDArray[np.float64] = np.exp(0.8 * rng.standard_normal((2, 64)) - (y**2 + x**2).ravel() / 20)
    return values


def seeing(rng: np.random.Generator, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    return blind(rng, mask) * (1 + mask.ravel())


def with_hidden(rng: np.random.Generator, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """As a knockout of the second layer leaves it."""
    values = seeing(rng, mask)
    values[1, rng.permutation(64)[:6]] = 0
    return values


def asked(look: Look, n: int = 120, seed: int = 0) -> list[QuestionMap]:
    """Questions about centred boxes of many sizes, two per image."""
    rng, kept = np.random.default_rng(seed), []
    for i in range(n):
        mask = np.zeros(GRID, bool)
        half = rng.integers(1, 4)
        mask[4 - half : 4 + half, 4 - half : 4 + half] = True
        maps = LayerMaps.of(look(rng, mask) / 100, np.ones(2) / 2)
        kept.append(
            question_map(
                f"k{i}",
                f"image {i // 2}",
                mask=mask,
                visible=np.ones(GRID, bool),
                maps=maps,
                reference=ReferenceMap("even", GRID, EVEN),
            )
        )
    return kept


def run_of(
    folder: Path,
    maps: list[QuestionMap],
    best_layer: int | None = 0,
    keep: bool = True,
    patient: Callable[[QuestionMap], str] = lambda one: "",
) -> Run:
    with Journal(folder, provenance=IDENTITY | {"leaks": ["x"]}) as made:
        made.write(
            [record(one.key, image=one.image, patient=patient(one), alignment={"kl": [1.0, 1.0]}) for one in maps],
            maps if keep else [],
        )
    means: dict[str, Any] = {"ar": 1.5, "kl": 1.0, "js": 0.2, "best_layer": best_layer, "n": len(maps)}
    return Run(folder, "m", "", measured=["t"], means={"t": means}, provenance=IDENTITY)


def map_looks_of(maps: NDArray[Any], masks: NDArray[Any], images: list[str]) -> MapLooks:
    """Measured maps (questions, layers, patches) of square grids, as a journal would give them."""
    side = math.isqrt(masks.shape[1])
    asked = [donors.MapOwner(f"{i}", image, image, side) for i, image in enumerate(images)]
    found = nulls.null(maps, masks, donors.of_other_images(asked))
    inside = masks.sum(axis=1)
    return MapLooks(
        len(maps),
        named(0),
        [one.uid for one in asked],
        images,
        "image",
        tuple(range(maps.shape[1])),
        [(side, side)] * len(maps),
        inside / masks.shape[1],
        np.stack([*uniform(inside, masks.shape[1], masks.shape[1])])[[0, 2, 3]],
        dict(zip(("log AR", "KL", "JS"), found.value, strict=True)),
        dict(zip(("log AR", "KL", "JS"), found.level, strict=True)),
        {},
        np.empty((0, maps.shape[1])),
        (maps == 0).any(axis=(0, 2)),
    )
