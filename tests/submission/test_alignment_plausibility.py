"""Values of real maps pass, whatever the map and the box; values that no map gives do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmms_vg.metrics.alignment import align
from lmms_vg.submission.alignment_plausibility import implausible
from lmms_vg.submission.schema_lines import BundleAlignment


def alignment(maps: np.ndarray, mask: np.ndarray) -> BundleAlignment:
    found = align(maps[:, None], None, mask)
    names = ("ar", "printed_ar", "kl", "js")
    return BundleAlignment(**{name: [float(value) for value in getattr(found, name)] for name in names})


@example(521, 15, 5, 1.0)
@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 24), st.integers(2, 24), st.floats(-3, 1))
def test_of_any_map_and_box(seed: int, rows: int, columns: int, sharp: float) -> None:
    """Maps from nearly uniform to nearly a single patch, boxes from one patch to all."""
    rng = np.random.default_rng(seed)
    maps = rng.dirichlet(np.full(rows * columns, 10.0**-sharp), 4).reshape(4, rows, columns)
    mask = np.zeros((rows, columns), dtype=bool)
    top, left = rng.integers(0, rows), rng.integers(0, columns)
    mask[top : rng.integers(top, rows) + 1, left : rng.integers(left, columns) + 1] = True
    assert implausible(alignment(maps, mask)) is None


@pytest.fixture
def real() -> BundleAlignment:
    rng = np.random.default_rng(0)
    mask = np.zeros((8, 8), dtype=bool)
    mask[2:5, 3:6] = True
    return alignment(rng.dirichlet(np.ones(64), 6).reshape(6, 8, 8), mask)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ar": lambda v: [2 * x for x in v[:1]] + v[1:]}, "patches at one layer"),
        ({"ar": lambda v: [1.01 * x for x in v]}, "whole number of patches"),
        (
            {"ar": lambda v: [100 * x for x in v], "printed_ar": lambda v: [100 * x for x in v]},
            "above the number of patches",
        ),
        ({"kl": lambda v: [0.01, *v[1:]]}, "boxes of different sizes"),
        ({"kl": lambda v: [-0.5, *v[1:]]}, "below 0"),
        ({"js": lambda v: [0.8, *v[1:]]}, "above ln 2"),
        ({"js": lambda v: v[:-1]}, "values of AR"),
        ({name: lambda _v: [] for name in ("ar", "printed_ar", "kl", "js")}, "0 values of AR"),
    ],
)
def test_forged(real: BundleAlignment, changes: dict, said: str) -> None:
    forged = real.model_copy(update={name: change(getattr(real, name)) for name, change in changes.items()})
    found = implausible(forged)
    assert found is not None
    assert said in found


def test_a_box_without_any_attention() -> None:
    """AR is 0, and KL is as large as its guard allows."""
    maps = np.zeros((1, 4, 4))
    maps[0, 0, 0] = 1
    mask = np.zeros((4, 4), dtype=bool)
    mask[3, 3] = True
    assert implausible(alignment(maps, mask)) is None
