"""Rank correlation of heads, raw and with entropy taken out, against scipy and against residuals computed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from head_journals import with_heads
from scipy import stats

from lmms_vg.study.collect import collect
from lmms_vg.study.head_tables import agreement_table, partial_rank_correlation, rank_correlation, run_heads

RNG = np.random.default_rng(3)
SPREAD = RNG.random(60)
FIRST, SECOND = SPREAD + 0.1 * RNG.random(60), SPREAD + 0.1 * RNG.random(60)


def test_raw_is_spearmans() -> None:
    tied = np.round(FIRST, 1)
    for first in (FIRST, tied):
        assert rank_correlation(first, SECOND) == pytest.approx(stats.spearmanr(first, SECOND).statistic)
    assert np.isnan(rank_correlation(np.ones(60), SECOND))


def test_partial_is_the_correlation_of_what_entropy_leaves_of_the_ranks() -> None:
    spread = stats.rankdata(SPREAD)
    left = []
    for values in (FIRST, SECOND):
        ranks = stats.rankdata(values)
        left.append(ranks - np.polyval(np.polyfit(spread, ranks, 1), spread))
    by_hand = np.corrcoef(*left)[0, 1]
    assert partial_rank_correlation(FIRST, SECOND, SPREAD) == pytest.approx(by_hand)
    assert rank_correlation(FIRST, SECOND) > 0.9, "what both have of entropy looks like agreement"
    assert abs(by_hand) < 0.4
    assert np.isnan(partial_rank_correlation(FIRST, SPREAD, SPREAD))


@pytest.mark.slow
def test_the_table_has_both_where_records_hold_entropy(tmp_path: Path) -> None:
    heads = np.arange(30.0).reshape(5, 6)
    kinds = ("vgmed_localization", "vgmed_coco_localization")
    spread = RNG.permutation(np.arange(30.0)).reshape(5, 6)
    for entropy in (None, spread):
        folder = tmp_path / str(entropy is None)
        run = with_heads(folder, kinds[0], heads, 0, entropy)
        with_heads(folder, kinds[1], heads[::-1], 1, entropy)
        object.__setattr__(run, "measured", list(kinds))
        (found,) = run_heads(collect([run]).tasks)
        rows = {(row["metric"], row["statistic"]): row for row in agreement_table([found]).rows}
        partial = rows.get(("KL", "rank correlation, entropy taken out"))
        assert (partial is None) is (entropy is None)
        if partial is not None:
            a, b = (found.sides[side].means("kl").ravel() for side in ("medical", "natural"))
            assert partial["value"] == pytest.approx(partial_rank_correlation(a, b, spread.ravel()))
            assert partial["low"] <= partial["value"] <= partial["high"]
