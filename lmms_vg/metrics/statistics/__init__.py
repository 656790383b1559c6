"""Intervals of means, and tests between runs, for questions that share images.

Answers about one image are similar, so they are not independent draws: what is drawn, or changes its sign, is always a whole
image. Every mean is over questions, not over images: an image counts once per question.

One idea per file: `bootstrap` (intervals), `two_way` (intervals of votes, which share raters too), `wilson` and `ends`
(intervals where hardly an answer differs), `weighted_interval` (of a mean of means), `sign_flips` (p-values of sums),
`label_swaps` (of other values), `difference` and `paired` (two runs), `joint` (many), `equivalence` (what a difference that is
not significant leaves open), `holm` (several comparisons), `mcnemar` (the test that papers report), `repeats` and
`repeated_difference` (runs that differ in a seed alone; what both rest on is in `crossed`).
"""

from __future__ import annotations

from lmms_vg.metrics.statistics.bootstrap import cluster_interval, percentile_interval, signature
from lmms_vg.metrics.statistics.difference import Difference
from lmms_vg.metrics.statistics.ends import Interval
from lmms_vg.metrics.statistics.equivalence import Equal, equal_within, smallest_detectable
from lmms_vg.metrics.statistics.holm import holm
from lmms_vg.metrics.statistics.joint import Resampled, resample
from lmms_vg.metrics.statistics.label_swaps import label_swaps
from lmms_vg.metrics.statistics.mcnemar import McNemar, mcnemar
from lmms_vg.metrics.statistics.paired import paired
from lmms_vg.metrics.statistics.sign_flips import SignFlips, sign_flips
from lmms_vg.metrics.statistics.two_way import two_way_interval
from lmms_vg.metrics.statistics.wilson import FEW, effective_n, wilson

__all__ = [
    "FEW",
    "Difference",
    "Equal",
    "Interval",
    "McNemar",
    "Resampled",
    "SignFlips",
    "cluster_interval",
    "effective_n",
    "equal_within",
    "holm",
    "label_swaps",
    "mcnemar",
    "paired",
    "percentile_interval",
    "resample",
    "sign_flips",
    "signature",
    "smallest_detectable",
    "two_way_interval",
    "wilson",
]
