"""Figures compared with small pictures of how they looked, which lie beside the tests of figures.

Both are compared at 120 pixels' width; LMMS_VG_DRAW_AGAIN=1 writes the small ones anew, to be looked at.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from packaging.version import Version
from PIL import Image

PICTURES = Path(__file__).parents[1] / "study" / "pictures"
WIDTH = 120

#: Mean difference in grey levels that fonts and versions of matplotlib make; a line more or less makes 1 or more.
TOLERANCE = 0.8
#: Older ones set text otherwise than in the pictures that are kept, which moves and scales all that is drawn.
SETS_TEXT_ALIKE = Version(matplotlib.__version__) >= Version("3.11")


def small(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as picture:
        height = round(picture.height * WIDTH / picture.width)
        return np.asarray(picture.convert("L").resize((WIDTH, height), Image.Resampling.BOX), dtype=np.float64)


def difference(drawn: Path, kept: Path) -> float:
    first, second = small(drawn), small(kept)
    height = min(len(first), len(second))
    assert abs(len(first) - len(second)) <= 3, "of another shape"
    return float(np.abs(first[:height] - second[:height]).mean())


def looks_as_before(drawn: Path) -> None:
    kept = PICTURES / drawn.name
    if os.environ.get("LMMS_VG_DRAW_AGAIN"):
        PICTURES.mkdir(exist_ok=True)
        Image.fromarray(small(drawn).round().astype(np.uint8)).save(kept)
    if SETS_TEXT_ALIKE:
        assert difference(drawn, kept) < TOLERANCE


def without_pdf(patch: pytest.MonkeyPatch) -> None:
    """Let figures be drawn as PNG only, for half of the time; `tests/study/test_build.py` looks at PDFs."""
    drawn = Figure.savefig

    def save(figure: Figure, file: Any, **how: Any) -> None:
        if how.get("format") == "pdf":
            file.write(b"%PDF")
        else:
            drawn(figure, file, **how)

    patch.setattr(Figure, "savefig", save)
