"""Excess and placement of a question at the layer of its AR, and what is not judged there."""

from __future__ import annotations

import numpy as np
import pytest
import runs

from lmms_vg.submission.look_scores import with_looks
from lmms_vg.submission.schema import Data, Task
from lmms_vg.submission.schema_lines import BundleAlignment, BundleAnswer, BundleExcess
from lmms_vg.submission.validated import Scores


def answer(uid: str, excess: float | None, placement: float | None) -> BundleAnswer:
    rows = runs.looked(1, layers=2)
    judged = None if excess is None else BundleExcess(log_ar=[0.0, excess], kl=[1.0, -excess], js=[2.0, -excess / 10])
    share = None if placement is None else [0.0, placement]
    return BundleAnswer(uid=uid, answer="", alignment=BundleAlignment(**rows, excess=judged, placement=share))


def task_of(hidden: list[int]) -> Task:
    about = {"protocol": None, "asked": 3, "n": 3, "questions": "q", "answers": "a", "metrics": {}, "rules": {}}
    return Task(**about, decoding={}, reference="", data=Data(name="demo", revision=None), hidden=hidden)


SCORES = Scores("q", "alignment|v:2", "ar", ("a", "b", "c"), ("a", "b", "c"), np.ones(3), {}, True)
PAIRS = [(None, answer("a", 0.5, 0.75)), (None, answer("b", None, 0.25)), (None, answer("c", 0.25, None))]


def test_values_at_the_layer() -> None:
    made = with_looks(SCORES, task_of([]), 1, PAIRS, recomputed=True)  # type: ignore[arg-type]
    assert made.recomputed
    values = {name: row.tolist() for name, (_, row) in made.further.items()}
    nan = pytest.approx(float("nan"), nan_ok=True)
    assert values["excess_ar"] == [0.5, nan, 0.25]
    assert values["excess_kl"] == [-0.5, nan, -0.25]
    assert values["excess_js"] == [pytest.approx(-0.05), nan, pytest.approx(-0.025)]
    assert values["placement"] == [0.75, 0.25, nan]
    assert made.further["excess_js"][0].startswith("alignment|v:2; null|donors:other-images|swaps:20|seed:0")


def test_a_hidden_layer_has_no_kl_and_no_ar() -> None:
    made = with_looks(SCORES, task_of([1]), 1, PAIRS, recomputed=False)  # type: ignore[arg-type]
    assert set(made.further) == {"excess_js", "placement"}
    assert made.unjudged == {"excess_ar": "hidden", "excess_kl": "hidden"}
    other = with_looks(SCORES, task_of([1]), 0, PAIRS, recomputed=False)  # type: ignore[arg-type]
    assert set(other.further) == {"excess_ar", "excess_kl", "excess_js", "placement"}


def test_nothing_is_stated() -> None:
    bare = [(None, answer("a", None, None))] * 3
    made = with_looks(SCORES, task_of([]), 1, bare, recomputed=False)  # type: ignore[arg-type]
    assert (dict(made.further), dict(made.unjudged)) == ({}, {})
