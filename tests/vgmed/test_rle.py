"""Run lengths, both ways, against pycocotools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from lmms_vg.vgmed.rle import area, decode, encode
from lmms_vg.vgmed.schema import CocoRle

MASKS = arrays(bool, st.tuples(st.integers(1, 30), st.integers(1, 30)))


@given(MASKS)
def test_pycocotools_reads_what_we_write(mask: np.ndarray) -> None:
    rle = encode(mask)
    assert (coco.decode({"size": list(rle.size), "counts": rle.counts.encode()}) == mask).all()


@given(MASKS)
def test_we_read_what_pycocotools_writes(mask: np.ndarray) -> None:
    written = coco.encode(np.asfortranarray(mask, np.uint8))
    rle = CocoRle(size=tuple(written["size"]), counts=written["counts"].decode())
    assert (decode(rle) == mask).all()
    assert area(rle) == mask.sum() == coco.area(written)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ("", "add up to 0 pixels; the image has 16"),
        ("@", "whole numbers from 0"),
        ("abc", "middle of a number"),
        ("é", "'.xe9'"),
        ("~", "'~'"),
        ("o" * 50, "middle of a number"),
    ],
)
def test_no_run_lengths(counts: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode(CocoRle(size=(4, 4), counts=counts))


def test_large_numbers() -> None:
    mask = np.zeros((2000, 1500), bool)
    mask[3:1990, 4:1400] = True
    assert (decode(encode(mask)) == mask).all()
