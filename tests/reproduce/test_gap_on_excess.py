"""The gap beyond box size: blind attention never has one, attention that looks has, and what cannot be compared says so."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from looks import map_looks_of
from numpy.typing import NDArray

from lmms_vg.metrics import alignment
from lmms_vg.metrics.statistics import resample
from lmms_vg.reproduce.gap_band import CLAIM, each_alone
from lmms_vg.reproduce.gap_on_excess import FEWEST, GapOnExcess, gap_on_excess
from lmms_vg.runs.layer_choice import named
from lmms_vg.runs.map_looks import MapLooks

SIDE = 24
SMALL, LARGE = (2, 3, 4, 5, 6), (6, 8, 10, 12, 14)
ROW, COL = np.mgrid[:SIDE, :SIDE]
CENTRE = np.exp(-((ROW - 11.5) ** 2 + (COL - 11.5) ** 2) / 72)

Sides = tuple[int, ...]


def simulated(
    sides: Sides, seed: int, *, n: int = 400, looks: float = 1.0, biased: bool = False, centred: bool = False
) -> tuple[NDArray[Any], NDArray[Any], list[str]]:
    """Two questions an image, one layer; `looks` is how many times denser attention is in the box."""
    rng = np.random.default_rng(seed)
    maps, masks = np.empty((n, 1, SIDE**2)), np.zeros((n, SIDE**2))
    for i in range(n):
        h, w = rng.choice(sides, 2)
        if centred:
            y, x = (int(np.clip(round((SIDE - k) / 2 + rng.normal(0, 2.5)), 0, SIDE - k)) for k in (h, w))
        else:
            y, x = rng.integers(0, SIDE + 1 - h), rng.integers(0, SIDE + 1 - w)
        box = np.zeros((SIDE, SIDE))
        box[y : y + h, x : x + w] = 1
        noise = np.exp(0.8 * rng.standard_normal((SIDE, SIDE))) * (CENTRE if biased else 1)
        maps[i, 0], masks[i] = (noise * np.where(box > 0, looks, 1)).ravel(), box.ravel()
    return maps, masks, [f"{seed} {i // 2}" for i in range(n)]


def compared(medical: MapLooks, coco: MapLooks) -> GapOnExcess:
    found = gap_on_excess(medical, coco)
    assert isinstance(found, GapOnExcess)
    return found


def raw_verdicts(medical: tuple[Any, ...], coco: tuple[Any, ...]) -> dict[str, str]:
    """The paper's values, as `domain_gap.gaps` compares them."""
    means, draws = [], []
    for maps, masks, images in (medical, coco):
        each = [alignment.align(m[:, None], None, mask) for m, mask in zip(maps, masks, strict=True)]
        values = np.array([[one.ar[0], one.kl[0], one.js[0]] for one in each])
        drawn = resample(values.T.tolist(), images, seed=len(means))
        means.append(values.mean(axis=0))
        draws.append(drawn.sums / drawn.counts)
    band = each_alone(means[0] - means[1], draws[0] - draws[1])
    return {metric: band.verdict(metric, 0) for metric in CLAIM}


def all_verdicts(found: GapOnExcess, layer: int = 0) -> set[str]:
    views = (found.verdict, found.verdict_in_strata, found.verdict_standardised)
    return {view(metric, layer) for view in views for metric in CLAIM}


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_blind_attention_has_no_gap_beyond_box_size(biased: bool, centred: bool) -> None:
    """Small against large boxes: raw KL is as claimed in every one of these, although no map ever saw a box."""
    medical, coco = (
        simulated(sides, seed, biased=biased, centred=centred) for seed, sides in enumerate((SMALL, LARGE))
    )
    assert all_verdicts(compared(map_looks_of(*medical), map_looks_of(*coco))) == {"not shown"}
    raw = raw_verdicts(medical, coco)
    assert raw["kl"] == "as claimed"
    if not biased:
        assert raw == {"ar": "not shown", "kl": "as claimed", "js": "as claimed"}


def test_verdicts_of_blind_attention_are_rarely_wrong() -> None:
    """In one of twenty repetitions by chance; nine views and metrics at once."""
    wrong = 0
    for repetition in range(20):
        sides = [simulated(sides, 100 + 2 * repetition + k, n=120) for k, sides in enumerate((SMALL, LARGE))]
        found = compared(*(map_looks_of(*side) for side in sides))
        wrong += {found.verdict(metric, 0) for metric in CLAIM} != {"not shown"}
    assert wrong <= 3


def test_a_model_that_looks_at_coco_only_is_as_claimed_everywhere() -> None:
    medical = map_looks_of(*simulated(SMALL, 0, n=300))
    coco = map_looks_of(*simulated((4, 5, 6, 8), 1, n=300, looks=2.0))
    assert all_verdicts(compared(medical, coco)) == {"as claimed"}
    turned = compared(coco, medical)
    assert all_verdicts(turned) == {"opposite"}


def test_even_attention_has_excess_0_and_the_level_of_its_formula() -> None:
    sides = [simulated(sides, seed, n=240) for seed, sides in enumerate((SMALL, LARGE))]
    found = compared(*(map_looks_of(np.ones_like(maps), masks, images) for maps, masks, images in sides))
    assert np.abs(found.gap.mean).max() < 1e-6
    assert all_verdicts(found) == {"not shown"}
    kl = [np.log(SIDE**2 / masks.sum(axis=1)).mean() for _, masks, _ in sides]
    assert found.even[:, 1] == pytest.approx(kl)


def excess_of(values: list[float], sizes: list[float], images: list[str]) -> MapLooks:
    """Log AR, KL and JS all have these values over a level of 0."""
    column = np.array(values)[:, None]
    return MapLooks(
        *(len(values), named(0), [str(i) for i in range(len(values))], images, "image", (0,), [(24, 24)] * len(values)),
        *(np.array(sizes), np.ones((3, len(values)))),
        dict.fromkeys(("log AR", "KL", "JS"), column),
        dict.fromkeys(("log AR", "KL", "JS"), 0 * column),
        {},
        np.empty((0, 1)),
        np.array([False]),
    )


def test_strata_and_weights_by_hand() -> None:
    """Medical: 10 small boxes of excess 1 and 30 large of 3; COCO: 20 small of 0 and 20 large of 1; one image each.

    Shares are 1/4, 3/4 and 1/2, 1/2, so weights are 3/8 and 5/8: 3/8 (1 - 0) + 5/8 (3 - 1) = 1.625; all: 2.5 - .5 = 2.
    Another ten COCO boxes, of a size that medical images lack, are left out of both.
    """
    medical = excess_of([1.0] * 10 + [3.0] * 30, [0.02] * 10 + [0.2] * 30, [f"m{i}" for i in range(40)])
    coco = excess_of(
        [0.0] * 20 + [1.0] * 20 + [9.0] * 10, [0.02] * 20 + [0.2] * 20 + [0.5] * 10, [f"c{i}" for i in range(50)]
    )
    found = compared(medical, coco)
    by_name = {one.name: one for one in found.strata}
    assert [one.n for one in found.strata] == [(0, 0), (10, 20), (0, 0), (30, 20), (0, 10)]
    assert {name for name, one in by_name.items() if one.gap is not None} == {"1 to 5%", "10 to 30%"}
    small, large = by_name["1 to 5%"], by_name["10 to 30%"]
    assert small.gap is not None
    assert large.gap is not None
    assert (small.gap.mean[1, 0], large.gap.mean[1, 0]) == (1, 2)
    share = (10 / 40 + 20 / 50) / 2, (30 / 40 + 20 / 50) / 2
    assert (small.weight, large.weight) == pytest.approx([one / sum(share) for one in share])
    assert found.standardised is not None
    assert found.standardised.mean[1, 0] == pytest.approx(small.weight * 1 + large.weight * 2)
    assert found.gap.mean[1, 0] == pytest.approx(2.5 - (20 + 90) / 50)
    assert found.covered == (1.0, 0.8)
    assert found.verdict_in_strata("kl", 0) == "as claimed"
    assert found.signs_in_strata("ar", 0) == [-1, -1]


def test_strata_that_contradict_each_other_are_mixed() -> None:
    medical = excess_of([1.0] * 12 + [3.0] * 12, [0.02] * 12 + [0.2] * 12, [f"m{i}" for i in range(24)])
    coco = excess_of([2.0] * 12 + [1.0] * 12, [0.02] * 12 + [0.2] * 12, [f"c{i}" for i in range(24)])
    found = compared(medical, coco)
    assert found.verdict_in_strata("kl", 0) == "mixed"
    assert found.signs_in_strata("kl", 0) == [-1, 1]


def test_sets_that_share_no_size_have_no_gap_within_sizes() -> None:
    medical, coco = (
        excess_of([float(i % 3) for i in range(30)], [size] * 30, [f"{size} {i}" for i in range(30)])
        for size in (0.02, 0.2)
    )
    found = compared(medical, coco)
    assert found.standardised is None
    assert all(one.gap is None for one in found.strata)
    assert found.covered == (0, 0)
    assert found.verdict_in_strata("kl", 0) == found.verdict_standardised("kl", 0) == "-"
    assert found.verdict("kl", 0) == "not shown"


def test_a_stratum_needs_ten_images_not_ten_questions() -> None:
    few = excess_of([float(i) for i in range(40)], [0.02] * 40, [f"{i % (FEWEST - 1)}" for i in range(40)])
    many = excess_of([float(i) for i in range(40)], [0.02] * 40, [f"{i}" for i in range(40)])
    assert compared(many, few).standardised is None
    assert compared(many, many).standardised is not None


def test_layers_that_hide_patches_have_no_verdict_on_ar_and_kl() -> None:
    medical = excess_of([1.0] * 30, [0.02] * 30, [f"m{i}" for i in range(30)])
    coco = excess_of([0.0] * 30, [0.02] * 30, [f"c{i}" for i in range(30)])
    found = compared(medical._replace(hidden=np.array([True])), coco)
    assert [found.verdict(metric, 0) for metric in CLAIM] == ["-", "-", "as claimed"]
    assert [found.verdict_in_strata(metric, 0) for metric in CLAIM] == ["-", "-", "as claimed"]
    assert [found.verdict_standardised(metric, 0) for metric in CLAIM] == ["-", "-", "as claimed"]


def test_questions_without_donors_are_left_out_and_a_set_of_them_says_so() -> None:
    looks = excess_of([1.0, math.nan, 3.0], [0.02] * 3, ["a", "b", "c"])
    found = compared(looks, excess_of([1.0] * 3, [0.02] * 3, ["d", "e", "f"]))
    assert (found.n, found.images) == ((2, 3), (2, 3))
    assert found.medical.mean[0, 0] == 2
    alone = excess_of([math.nan], [0.02], ["a"])
    assert (
        gap_on_excess(alone, looks) == "no question has five other images of its grid and padding to be compared with"
    )
