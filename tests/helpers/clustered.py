"""Scores of questions that share images, which are easy or hard."""

from __future__ import annotations

import numpy as np


def clustered(rng: np.random.Generator, images: int, each: int) -> tuple[list[float], list[int]]:
    """Scores 0 and 1 with mean 0.5; images are easy or hard, so questions about one image are correlated."""
    ease = rng.beta(0.5, 0.5, images)
    scores = rng.random((images, each)) < ease[:, None]
    return scores.ravel().astype(float).tolist(), np.repeat(np.arange(images), each).tolist()


def runs(
    images: int = 50, each: int = 4, gain: float = 0.0
) -> tuple[dict[str, float], dict[str, float], dict[str, int]]:
    rng = np.random.default_rng(5)
    scores, where = clustered(rng, images, each)
    a = {f"q{number}": score for number, score in enumerate(scores)}
    b = {uid: 1.0 if rng.random() < gain else score for uid, score in a.items()}
    return a, b, dict(zip(a, where, strict=True))
