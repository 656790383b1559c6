"""Maps of attention for tests of journals."""

from __future__ import annotations

from typing import Any

import numpy as np

from lmms_vg.journal import LayerMaps, QuestionMap, ReferenceMap


def layer_maps(rng: np.random.Generator, layers: int, grid: tuple[int, int]) -> LayerMaps:
    return LayerMaps.of(rng.random((layers, grid[0] * grid[1])) / 100, rng.random(layers))


def question_map(
    key: str, image: str = "i", layers: int = 3, grid: tuple[int, int] = (4, 5), **more: Any
) -> QuestionMap:
    rng = np.random.default_rng(sum(key.encode()))
    mask = np.zeros(grid, bool)
    mask[1, 1:3] = True
    reference = ReferenceMap(f"r-{image}", grid, layer_maps(np.random.default_rng(7), layers, grid))
    given = {
        "mask": mask,
        "visible": np.ones(grid, bool),
        "maps": layer_maps(rng, layers, grid),
        "reference": reference,
    }
    return QuestionMap(**{"key": key, "image": image, "rows": "last", "view": 0, **given, **more})
