"""A question that cannot be measured fails with a code."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from lmms_vg._util.error_codes import CodedError
from lmms_vg.inference.alignment_probe import measure
from lmms_vg.inference.look_target import LookTarget, target_masks
from lmms_vg.metrics.alignment import attention_ratio, js_divergence, kl_divergence
from lmms_vg.vision.patch_grid import Geometry

SQUARE = Geometry.stretch(100, 100, 4, 4)
CROPPED = Geometry.center_crop(300, 100, 4, 4, 100)


def prompt(*geometries: Geometry, question: tuple[int, int] = (20, 24)) -> Any:
    return SimpleNamespace(images=[SimpleNamespace(views=(geometry,)) for geometry in geometries], question=question)


@pytest.mark.parametrize(
    ("asked", "boxes", "rows", "code"),
    [
        (prompt(), [[0, 0, 9, 9]], "last", "question"),
        (prompt(SQUARE), [], "last", "no_boxes"),
        (prompt(SQUARE, question=(20, 20)), [[0, 0, 9, 9]], "question", "unmeasurable"),
        (prompt(CROPPED), [[0, 0, 9, 9]], "last", "unmeasurable"),
        (prompt(SQUARE), [[0, 0, 9]], "last", "bad_box"),
        (prompt(SQUARE), [[0, 0, float("nan"), 9]], "last", "bad_box"),
        (prompt(SQUARE), [[9, 9, 0, 0]], "last", "bad_box"),
        (prompt(SQUARE), [[0, 0, 9, 9], [100, 0, 109, 9]], "last", "bad_box"),
    ],
)
def test_code(asked: Any, boxes: Any, rows: Any, code: str) -> None:
    with pytest.raises(CodedError) as caught:
        target_masks("q", asked, boxes, (rows,))
    assert caught.value.code == code


def test_a_box_that_can_be_measured() -> None:
    (mask,) = target_masks("q", prompt(SQUARE, question=(20, 20)), [[0, 0, 26, 9]], ("last", "all"))
    assert np.argwhere(mask).tolist() == [[0, 0], [0, 1]]


def test_heads_averaged_on_the_device_give_the_values_of_all_heads() -> None:
    drawn = torch.Generator().manual_seed(0)
    maps, general = ({layer: torch.rand(2, 7, 16, generator=drawn) for layer in (3, 0)} for _ in range(2))
    answering: Any = SimpleNamespace(seen={"last": maps}, reference=SimpleNamespace(maps=lambda rows: general))
    mask = np.zeros((4, 4), bool)
    mask[1, 2:] = True
    seen = np.ones((4, 4), bool)
    targets = [LookTarget("a", mask, seen), LookTarget("b", ~mask, seen)]
    for one, other in zip(*(measure(answering, targets, "last", per_head) for per_head in (False, True)), strict=True):
        for kept, same in zip((*one.question, *one.reference), (*other.question, *other.reference), strict=True):
            np.testing.assert_allclose(kept, same, rtol=1e-3)
        averaged, every = one.values, other.values
        assert every.pop("head_shape") == [2, 7]
        assert one.heads is None
        assert averaged.pop("version") == every.pop("version")
        for name, values in averaged.items():
            np.testing.assert_allclose(values, every[name], rtol=1e-12)


def test_what_is_kept_is_the_first_view_and_the_share_of_all() -> None:
    """Averaged over heads by hand."""
    maps = {layer: torch.rand(1, 7, 20, generator=torch.Generator().manual_seed(layer)) / 20 for layer in (0, 1)}
    answering: Any = SimpleNamespace(seen={"last": maps}, reference=SimpleNamespace(maps=lambda rows: maps))
    (one,) = measure(answering, [LookTarget("a", np.ones((4, 4), bool), np.ones((4, 4), bool))], "last", per_head=False)
    by_hand = np.array([maps[layer][0].double().numpy().mean(axis=0) for layer in (0, 1)])
    np.testing.assert_allclose(one.question.restored(), by_hand[:, :16], rtol=1e-3)
    np.testing.assert_allclose(one.question.share, by_hand.sum(axis=1), rtol=1e-6)


def test_every_head_is_measured_as_a_map_of_its_own() -> None:
    """Each head over its own reference; placement counted by hand, place by place, inside the visible columns."""
    drawn = torch.Generator().manual_seed(1)
    maps, general = ({layer: torch.rand(1, 3, 20, generator=drawn) for layer in (0, 1)} for _ in range(2))
    answering: Any = SimpleNamespace(seen={"last": maps}, reference=SimpleNamespace(maps=lambda rows: general))
    mask, visible = np.zeros((4, 5), bool), np.ones((4, 5), bool)
    mask[1:3, 2] = True
    visible[:, 4] = False
    (one,) = measure(answering, [LookTarget("a", mask, visible)], "last", per_head=True)
    assert one.heads is not None
    for layer, head in np.ndindex(2, 3):
        look = (maps[layer][0, head].double() / general[layer][0, head].double()).numpy().reshape(4, 5)
        held = [look[y : y + 2, x].sum() for y in range(3) for x in range(4)]
        own = look[mask].sum()
        assert one.heads.placement[layer, head] == pytest.approx(
            (sum(value < own - 1e-12 for value in held) + 0.5) / 12, abs=1e-12
        )
        share = look.ravel() / look.sum()
        assert one.heads.entropy[layer, head] == pytest.approx(-(share * np.log(share)).sum(), rel=1e-6)
        for name, function in (("ar", attention_ratio), ("kl", kl_divergence), ("js", js_divergence)):
            assert getattr(one.heads, name)[layer, head] == pytest.approx(float(function(look, mask)), rel=1e-6)
