"""Compare two runs on the same questions."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from lmms_vg.metrics.statistics.bootstrap import bootstrap, check_draws
from lmms_vg.metrics.statistics.clusters import Uid, first, numbered, same_questions
from lmms_vg.metrics.statistics.difference import Difference, Stratum, difference_of


def paired(
    a: Mapping[Uid, float],
    b: Mapping[Uid, float],
    clusters: Mapping[Uid, Hashable],
    *,
    parts: Mapping[Uid, str] | None = None,
    weights: Mapping[str, float] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    family: int = 1,
) -> Difference:
    """Compare mean(b) with mean(a) over the same questions, from uid -> score and uid -> image.

    The interval is a percentile bootstrap: both runs are resampled together, whole images at a time. The p-value is that of
    `sign_flips`.

    Args:
        a: scores of the first run.
        b: scores of the second.
        clusters: the image of each question.
        parts: uid -> name of its part, if the mean is a weighted one of the parts' means; images are then drawn within parts.
        weights: part -> weight; only ratios matter.
        level: confidence, between 0 and 1.
        resamples: number of resamples.
        seed: of the draws; part i takes `seed` + i.
        family: number of comparisons that the p-value will be corrected for.

    Raises:
        ValueError: the runs have different questions, a question has no image, or as in `cluster_interval`.
    """
    check_draws(level, resamples)
    uids = same_questions(a, b)
    without = [uid for uid in uids if uid not in clusters]
    if without:
        raise ValueError(f"{len(without)} of {len(uids)} questions have no cluster: {first(without)}")
    members: dict[str, list[Uid]] = {}
    for uid in uids:
        members.setdefault(parts[uid] if parts else "", []).append(uid)
    shares = weights or dict.fromkeys(members, 1.0)
    total = sum(shares[name] for name in members)
    results, images = [], 0
    for number, (name, within) in enumerate(members.items()):
        names: list[Any] = [clusters[uid] for uid in within]
        differences = np.array([b[uid] - a[uid] for uid in within], dtype=np.float64)
        draws = bootstrap(differences, names, resamples, seed + number)
        index, count = numbered(names)
        results.append(Stratum(differences, index + images, draws, shares[name] / total))
        images += count
    bounded = all(0 <= score <= 1 for run in (a, b) for score in run.values())
    return difference_of(results, bounded=bounded, level=level, family=family, seed=seed)
