"""Moved mask: keeps the boxes' shape at another place of the visible image."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from asking import good
from batches import ask
from knockouts import hidden_by

from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.journal import Journal
from lmms_vg.methods.moved_mask import MovedMask, _elsewhere
from lmms_vg.methods.oracle_mask import OracleMask
from lmms_vg.models import Family
from lmms_vg.runs.roles import controls, is_control, reads_references
from lmms_vg.vision.patch_grid import Geometry

SHAPES = np.zeros((2, 6, 6), dtype=bool)
SHAPES[0, 1, 1:4] = SHAPES[0, 2, 2] = True
SHAPES[1, 5, 0] = SHAPES[1, 3, 4] = True
TARGETS = [(shape,) for shape in SHAPES]


def cut(mask: np.ndarray) -> np.ndarray:
    """The shape without its place."""
    (y, x), (bottom, right) = (edge(np.nonzero(mask), axis=1) for edge in (np.min, np.max))
    return mask[y : bottom + 1, x : right + 1]


def test_the_same_shape_disjoint_and_the_same_every_time(family: Family) -> None:
    with torch.no_grad():
        kept = ~hidden_by(MovedMask((2,)), ask(family, targets=TARGETS)).numpy().reshape(2, 6, 6)
        again = ~hidden_by(MovedMask((2,)), ask(family, targets=TARGETS)).numpy().reshape(2, 6, 6)
        oracle = ~hidden_by(OracleMask((2,)), ask(family, targets=TARGETS)).numpy().reshape(2, 6, 6)
    assert (kept == again).all()
    assert (oracle == SHAPES).all(), "the batch of the other methods is left alone"
    for own, there in zip(SHAPES, kept, strict=True):
        assert not (own & there).any()
        assert (cut(own) == cut(there)).all()


def test_seeds_draw_other_places(family: Family) -> None:
    with torch.no_grad():
        places = {
            hidden_by(MovedMask((2,), seed=seed), ask(family, targets=TARGETS)).numpy().tobytes() for seed in range(6)
        }
    assert len(places) > 1


def test_it_stays_in_the_visible_image() -> None:
    """Of 12 x 4 pixels padded to 12 x 12, the middle two of six rows of patches are visible."""
    from random import Random

    view = Geometry.pad(12, 4, rows=6, cols=6)
    mask = np.zeros((6, 6), dtype=bool)
    mask[2, 0] = True
    there = {int(np.flatnonzero(_elsewhere(mask, view, Random(seed)))[0]) for seed in range(200)}
    assert there == {*range(13, 24)}


def test_a_shape_without_another_place_fails_with_a_code(family: Family, tmp_path: Path) -> None:
    with closing(Answerer(family, [MethodRun(MovedMask((2,)), Journal(tmp_path))])) as answerer:
        asked = [good("wide", boxes=[[0, 0, 60, 30]]), good("small", boxes=[[9, 1, 14, 14]]), good("none")]
        codes = {one.uid: record.error_code for one, record in answerer.answer(asked)}
    assert codes == {"wide": "no_control", "small": None, "none": "no_boxes"}


@pytest.mark.parametrize("seed", [-1, 1.5, True])
def test_wrong_seeds(seed: object) -> None:
    with pytest.raises(ValueError, match="seed="):
        MovedMask((2,), seed=seed)  # type: ignore[arg-type]


def test_its_role() -> None:
    assert is_control("moved_mask")
    assert controls("moved_mask", "oracle_mask")
    assert not reads_references("moved_mask"), "it reads them to keep away from them: no upper bound"
