"""Attention that never saw a box must not look grounded, whatever the sizes and places of boxes; attention that did must."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from lmms_vg.metrics import alignment, nulls
from lmms_vg.metrics.donors import MapOwner, of_other_images, of_same_image
from lmms_vg.metrics.nulls import LEAST_AR, null
from lmms_vg.metrics.placement import place
from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.vision.patch_grid import Geometry

SIDE = 24
SMALL, LARGE = (2, 3, 4, 5, 6), (6, 8, 10, 12, 14)
ROW, COL = np.mgrid[:SIDE, :SIDE]
CENTRE = np.exp(-((ROW - 11.5) ** 2 + (COL - 11.5) ** 2) / (2 * (SIDE / 4) ** 2))


def simulated(sides, *, centred, biased, looks=1.0, n=300, seed=0):
    """Two questions an image; `looks` is how many times denser attention is in the box than elsewhere."""
    rng = np.random.default_rng(seed)
    maps, masks, asked = np.empty((n, 1, SIDE**2)), np.zeros((n, SIDE**2)), []
    for i in range(n):
        lengths = rng.choice(sides, 2)
        if centred:
            y, x = (int(np.clip(round((SIDE - k) / 2 + rng.normal(0, 2.5)), 0, SIDE - k)) for k in lengths)
        else:
            y, x = (int(rng.integers(0, SIDE + 1 - k)) for k in lengths)
        box = np.zeros((SIDE, SIDE), dtype=bool)
        box[y : y + lengths[0], x : x + lengths[1]] = True
        noise = np.exp(0.8 * rng.standard_normal((SIDE, SIDE)))
        maps[i, 0] = (noise * (CENTRE if biased else 1) * np.where(box, looks, 1)).ravel()
        masks[i] = box.ravel()
        asked.append(MapOwner(f"{i}", f"image {i // 2}", f"image {i // 2}", SIDE))
    return maps, masks, asked


def measured(**settings):
    maps, masks, asked = simulated(**settings)
    return null(maps, masks, of_other_images(asked)), [question.image for question in asked]


def shown(values, images):
    """Whether 0 lies outside the interval, at 99.9% as there are 48 looks at blind attention here."""
    low, high = cluster_interval(values[:, 0], images, level=0.999)
    return "above" if low > 0 else "below" if high < 0 else "not shown"


@pytest.mark.slow
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_blind_attention_is_not_shown_to_be_grounded(centred, biased):
    small, images = measured(sides=SMALL, centred=centred, biased=biased)
    large, _ = measured(sides=LARGE, centred=centred, biased=biased, seed=1)
    for metric in ("log_ar", "kl", "js"):
        one, other = getattr(small.excess, metric), getattr(large.excess, metric)
        assert shown(one, images) == "not shown", f"{metric} of small boxes"
        assert shown(other, images) == "not shown", f"{metric} of large boxes"
        # Both sides have as many questions, drawn independently: their differences in any pairing have the gap as mean.
        assert shown(one - other, images) == "not shown", f"the gap in {metric}"
    assert shown(small.value.kl - large.value.kl, images) == "above", "raw KL shows a gap that is none"


@pytest.mark.parametrize("sides", [SMALL, LARGE])
@pytest.mark.parametrize("biased", [False, True])
def test_attention_that_finds_the_box_is_shown(sides, biased):
    result, images = measured(sides=sides, centred=True, biased=biased, looks=2)
    assert [shown(values, images) for values in result.excess] == ["above", "below", "below"]


def test_uniform_attention_has_no_excess_and_is_placed_at_chance():
    _, masks, asked = simulated(SMALL, centred=False, biased=False, n=30)
    maps = np.random.default_rng(0).uniform(0.1, 9, (30, 2, 1)) * np.ones(SIDE**2)
    result = null(maps.astype(np.float16), masks, of_other_images(asked))
    for values in result.excess:
        assert np.abs(values).max() < 1e-6
    for layers, mask in zip(maps, masks, strict=True):
        grid = mask.reshape(SIDE, SIDE)
        assert place(layers.reshape(2, SIDE, SIDE), grid).share.tolist() == [0.5, 0.5]


def test_padding_alone_has_no_excess():
    _, masks, asked = simulated(SMALL, centred=False, biased=False, n=30)
    visible = (np.arange(SIDE**2) >= 3 * SIDE) & (np.arange(SIDE**2) < 21 * SIDE)
    seen = (masks * visible).any(axis=1)
    maps = np.broadcast_to(visible.astype(float), (int(seen.sum()), 1, SIDE**2))
    kept = [question for question, keep in zip(asked, seen, strict=True) if keep]
    result = null(maps, (masks * visible)[seen], of_other_images(kept))
    assert result.value.log_ar == pytest.approx(np.log(4 / 3), abs=1e-5)
    for values in result.excess:
        assert np.abs(values).max() < 1e-6


def test_blind_attention_on_padded_images_is_not_shown():
    """Lying and standing images of 4:3; attention leaves out the padding, and is blind otherwise.

    Maps of the other padding hide patches of many boxes, so that exchanging them would seem to be grounding.
    """
    rng = np.random.default_rng(0)
    maps, masks, asked = np.empty((300, 1, SIDE**2)), np.zeros((300, SIDE**2)), []
    for i in range(300):
        width, height = ((640, 480), (480, 640))[i // 2 % 2]
        way = Geometry.pad(width, height, SIDE, SIDE)
        visible = way.patch_mask([(0, 0, width, height)])
        x, y, w, h = rng.integers(0, 400), rng.integers(0, 400), *rng.integers(20, 240, 2)
        masks[i] = way.patch_mask([(x, y, min(x + w, width), min(y + h, height))]).ravel()
        maps[i, 0] = (np.exp(0.8 * rng.standard_normal((SIDE, SIDE))) * visible).ravel()
        asked.append(MapOwner(f"{i}", f"image {i // 2}", f"image {i // 2}", visible.tobytes()))
    images = [question.image for question in asked]
    result = null(maps, masks, of_other_images(asked))
    assert shown(result.value.log_ar, images) == "above", "raw AR is lifted by padding alone"
    assert [shown(values, images) for values in result.excess] == ["not shown"] * 3
    mixed = null(maps, masks, of_other_images([question._replace(kind=0) for question in asked]))
    assert shown(mixed.excess.log_ar, images) == "above"


def test_by_hand_on_three_by_three():
    """AR of the first patch: 9 * 5/13 for its own map, 1 and 9 * 1/17 for the donors'."""
    maps = np.ones((3, 1, 9))
    maps[0, 0, 0], maps[2, 0, 8] = 5, 9
    masks = np.zeros((3, 9))
    masks[:, 0] = 1
    result = null(maps, masks, [np.array([1, 2]), np.array([], dtype=np.intp), np.array([0])])
    assert float(result.value.log_ar[0, 0]) == pytest.approx(np.log(45 / 13), abs=1e-6)
    assert float(result.level.log_ar[0, 0]) == pytest.approx(np.log(9 / 17) / 2, abs=1e-6)
    assert float(result.excess.kl[0, 0]) == pytest.approx(np.log(13 / 5) - (np.log(9) + np.log(17)) / 2, abs=1e-6)
    own = (np.log(13 / 9) + 5 / 13 * np.log(5 / 9) + 8 / 13 * np.log(2)) / 2
    even = (np.log(9 / 5) + 1 / 9 * np.log(1 / 5) + 8 / 9 * np.log(2)) / 2
    far = (np.log(17 / 9) + 1 / 17 * np.log(1 / 9) + 16 / 17 * np.log(2)) / 2
    assert float(result.excess.js[0, 0]) == pytest.approx(own - (even + far) / 2, abs=1e-6)
    assert np.isnan([values[1, 0] for values in result.excess]).all()
    assert result.donors.tolist() == [2, 0, 1]


def test_other_questions_about_the_image_by_hand_on_three_by_three():
    """Boxes: the first patch; the last; the first two, which overlap the first box. Maps: 5 of 13, 9 of 17 on them, even."""
    maps, masks = np.ones((3, 1, 9)), np.zeros((3, 9))
    maps[0, 0, 0], maps[1, 0, 8] = 5, 9
    masks[0, 0] = masks[1, 8] = masks[2, :2] = 1
    result = null(maps, masks, of_same_image([MapOwner(f"{i}", "one", "one", 9) for i in range(3)], masks))
    assert result.donors.tolist() == [1, 2, 1]
    log_ar, kl = result.excess.log_ar[:, 0].tolist(), result.excess.kl[:, 0].tolist()
    last = np.log(81 / 17) - (np.log(9 / 13) + np.log(1)) / 2
    assert log_ar == pytest.approx([np.log(45 / 13) - np.log(9 / 17), last, np.log(1) - np.log(9 / 17)], abs=1e-6)
    two = np.log(9 / 2) - np.log(17 / 2)
    assert kl == pytest.approx(
        [np.log(13 / 5) - np.log(17), np.log(17 / 9) - (np.log(13) + np.log(9)) / 2, two], abs=1e-6
    )


@pytest.mark.parametrize(
    ("mask", "weights"),
    [
        (Geometry.stretch(30, 30, 3, 3).patch_mask([(0, 0, 9, 9), (21, 21, 30, 30)]), {0: 1 / 2, 8: 1 / 2}),
        (Geometry.center_crop(200, 100, 3, 3, 3).patch_mask([(120, 70, 200, 100)]), {8: 1.0}),
        (
            Geometry.stretch(30, 30, 3, 3).mask_of_pixels(np.pad(np.ones((2, 5)), ((28, 0), (19, 6)))),
            {7: 1 / 5, 8: 4 / 5},
        ),
    ],
    ids=["several boxes", "a box cut off by a crop", "a mask smaller than a patch"],
)
def test_unusual_boxes_by_hand_on_three_by_three(mask, weights):
    """The own map has 1 to 9 of 45, the donor 9 to 1: the mask's share of each patch weighs it."""
    own, other = np.arange(1.0, 10) / 45, np.arange(9.0, 0, -1) / 45
    result = null(np.stack([own, other])[:, None], np.stack([mask.ravel()] * 2), [np.array([1]), np.array([0])])
    held = [sum(share * values[patch] for patch, share in weights.items()) for values in (own, other)]
    assert float(result.excess.log_ar[0, 0]) == pytest.approx(np.log(held[0] / held[1]), abs=1e-6)
    kl = [sum(share * np.log(share / values[patch]) for patch, share in weights.items()) for values in (own, other)]
    assert float(result.value.kl[0, 0]) == pytest.approx(kl[0], abs=1e-6)
    assert float(result.excess.kl[0, 0]) == pytest.approx(kl[0] - kl[1], abs=1e-6)


def test_values_are_those_of_the_measure():
    """Also for masks of shares, for attention that is zero on patches or everywhere, and for half precision."""
    rng = np.random.default_rng(0)
    maps = (rng.random((200, 3, 60)) ** 4).astype(np.float16)
    maps[5, 0] = 0
    maps[6, :, 10:40] = 0
    masks = np.where(rng.random((200, 60)) < 0.2, rng.random((200, 60)), 0)
    masks[:, 20] = 1
    donors = [rng.choice(200, 4, replace=False) for _ in range(200)]
    result = null(maps, masks, donors)
    for i in (0, 5, 6, 199):
        for who, got, average in (([i], result.value, True), (donors[i], result.level, False)):
            ar = np.log(np.maximum(alignment.attention_ratio(maps[who], masks[i]), LEAST_AR)).mean(axis=0)
            kl = alignment.kl_divergence(maps[who], masks[i]).mean(axis=0)
            js = alignment.js_divergence(maps[who], masks[i]).mean(axis=0)
            assert got.log_ar[i] == pytest.approx(ar, abs=1e-5), (i, average)
            assert got.kl[i] == pytest.approx(kl, abs=1e-5), (i, average)
            assert got.js[i] == pytest.approx(js, abs=1e-5), (i, average)


def test_a_map_that_ignores_the_question_has_no_excess_over_other_questions():
    """Both questions of an image get one map, which lies on the first box: far over other images, nothing over the other."""
    masks, maps, asked = np.zeros((40, 9)), np.ones((40, 1, 9)), []
    for i in range(40):
        image = i // 2
        masks[i, (image + 4 * (i % 2)) % 9] = 1
        maps[i, 0, image % 9] = 20
        asked.append(MapOwner(f"{i}", f"{image}", f"{image}", 9))
    over_images = null(maps, masks, of_other_images(asked)).excess.log_ar
    over_questions = null(maps, masks, of_same_image(asked, masks)).excess.log_ar
    assert over_images[::2].mean() > 1
    assert np.abs(over_questions).max() < 1e-6


def test_errors_name_the_question():
    maps, masks, donors = np.ones((2, 1, 4)), np.ones((2, 4)), [np.array([1]), np.array([0])]
    with pytest.raises(ValueError, match="maps of shape"):
        null(maps, masks[:, :3], donors)
    for wrong, message in ((0, "number 1 is empty"), (np.nan, "number 1 has NaN")):
        bad = masks.copy()
        bad[1] = wrong
        with pytest.raises(ValueError, match=message):
            null(maps, bad, donors)
    maps[1, 0, 2] = -1
    with pytest.raises(ValueError, match="map of question number 1"):
        null(maps, masks, donors)


def test_docstring_examples():
    assert doctest.testmod(nulls).failed == 0
