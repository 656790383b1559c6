"""The distance of captured rows against its known values."""

from __future__ import annotations

import pytest
import torch

from benchmarks.gpu.precision import distances


def test_distance_is_that_of_distributions() -> None:
    rows = torch.tensor([[1.0, 0, 0], [2, 2, 0], [1, 1, 2]])
    others = torch.tensor([[0.0, 3, 0], [2, 0, 2], [5, 5, 10]])
    assert distances(rows, others).tolist() == pytest.approx([1, 0.5, 0])


def test_rows_without_attention_to_the_image_are_no_error() -> None:
    assert distances(torch.zeros(1, 4), torch.zeros(1, 4)).tolist() == [0]
