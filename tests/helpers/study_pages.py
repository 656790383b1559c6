"""Made-up input of the study's page: maps that look at a box, or not, of models and questions that never were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from lmms_vg.study.page.input import (
    AskedQuestions,
    CurveLine,
    CurvePanel,
    GallerySample,
    Headline,
    LayerMeans,
    PageInput,
    PageSide,
    PageTable,
    SideAnswers,
    SideLook,
)

GRID, LAYERS = (8, 8), 4
SIZE = (160, 120)
PLACE = (0.0, -20.0, 160.0, 140.0)  # of a grid over the image padded to a square
TASKS, MODALITIES = ("localization", "attribute"), ("CT", "MR", "X-ray")
BOX = (40.0, 20.0, 80.0, 60.0)  # patches 2 and 3 of both axes, since a patch has 20 pixels


def grey() -> Image.Image:
    return Image.fromarray(np.tile(np.linspace(40, 200, SIZE[0]).astype(np.uint8), (SIZE[1], 1))).convert("RGB")


def visible() -> np.ndarray[Any, np.dtype[np.bool_]]:
    seen = np.zeros(GRID, bool)
    seen[1:7] = True
    return seen.ravel()


def look(number: int, side: int = 0, **given: Any) -> SideLook:
    """Four times the even attention inside the box in layer 2; the last side hides two patches in layer 1."""
    maps = np.ones((LAYERS, *GRID), np.float32)
    maps[2, 2:4, 2:4] = 4
    if side:
        maps[1, 5, 5:7] = 0
    rng = np.random.default_rng([number, side])
    values = {name: rng.normal(size=LAYERS) for name in ("ar", "kl", "excess", "placement")}
    made = SideLook(maps.reshape(LAYERS, -1), GRID, visible(), PLACE, **values, answer=f"yes {number}-{side}")
    return made._replace(**given)


def sample(number: int, sides: int, **given: Any) -> GallerySample:
    made = GallerySample(
        question=f"Where is organ {number}?",
        reference=f"there {number}" if number % 2 else "",
        label=f"organ {number}",
        source="demo",
        licence="CC-BY-4.0",
        size=SIZE,
        boxes=[BOX],
        open_image=grey,
        looks=[look(number, side) for side in range(sides)],
    )
    return replace(made, **given)


def asked(n: int, sides: int, seed: int = 0) -> AskedQuestions:
    rng = np.random.default_rng(seed)
    return AskedQuestions(
        uids=[f"q/{number}" for number in range(n)],
        tasks=[TASKS[number % 2] for number in range(n)],
        modalities=[MODALITIES[number % 3] for number in range(n)],
        shares=rng.choice([0.004, 0.03, 0.07, 0.2, 0.5], n),
        sides=[
            SideAnswers(
                excess=np.round(rng.normal(size=n), 3),
                placement=np.round(rng.random(n), 3),
                right=rng.integers(-1, 2, n).astype(np.int8),
                changes=rng.integers(-1, 2, n).astype(np.int8),
            )
            for _ in range(sides)
        ],
    )


def page(
    n: int = 24, sides: int = 2, sample_of: Callable[[int], GallerySample] | None = None, **given: Any
) -> PageInput:
    """A whole page of `n` questions."""
    names = ["tiny plain", "tiny vgrefine", "third"][:sides]
    wave = np.sin(np.arange(LAYERS))
    lines = [
        CurveLine(
            name,
            place == 1,
            wave + place,
            wave + place - 0.2,
            wave + place + 0.2,
            np.full(LAYERS, np.nan),
            [2],
            [1] * place,
        )
        for place, name in enumerate(names)
    ]
    parts: dict[str, Any] = {
        "title": "Study of tiny models",
        "sides": [PageSide(name, LAYERS, 2, "lowest KL on other images") for name in names],
        "asked": asked(n, sides),
        "sample_of": sample_of or (lambda number: sample(number, sides)),
        "means": [
            LayerMeans(side, task, n // 2, *(np.arange(LAYERS) / 10 + side for _ in range(4)))
            for side in range(sides)
            for task in TASKS
        ],
        "headlines": [
            Headline("In layer 2 the box holds 1.31 times [1.20, 1.43] what other images' maps put there.", "shown")
        ],
        "panels": [CurvePanel("log AR above other images", "higher is better", lines, 0.0, "other images")],
        "tables": [
            PageTable(
                "By organ", "Organs.", ["organ", "n", "excess"], [["b", 12, 0.5], ["a", 3, None], ["c", 100, -1.0]]
            )
        ],
        "missing": ["No heads: run again with --heads."],
        "signatures": ["null|donors:other-images|v:1"],
    }
    return PageInput(**(parts | given))
