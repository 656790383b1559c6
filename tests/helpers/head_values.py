"""Values of heads for tests of journals."""

from __future__ import annotations

from typing import Any

import numpy as np

from lmms_vg.journal import HeadValues, QuestionHeads


def question_heads(key: str, shape: tuple[int, int] = (3, 4), **more: Any) -> QuestionHeads:
    """Values that are different for every key; `more` replaces some."""
    rng = np.random.default_rng(sum(key.encode()))
    drawn = {"kl": 27 * rng.random(shape), "ar": 75 * rng.random(shape), "js": rng.random(shape) * 0.69}
    drawn |= {"placement": rng.random(shape), "entropy": 6 * rng.random(shape)}
    return QuestionHeads(key, HeadValues.of(drawn | more))
