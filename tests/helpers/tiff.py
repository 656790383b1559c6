"""TIFF files written by hand, one strip each, because PIL writes neither all number types nor WhiteIsZero."""

from __future__ import annotations

import struct
import zlib

import numpy as np

BLACK_IS_ZERO, WHITE_IS_ZERO = 1, 0
_FORMATS = {"u": 1, "i": 2, "f": 3}


def tiff(pixels: np.ndarray, photometric: int = BLACK_IS_ZERO, packed: bool = False, bits: int | None = None) -> bytes:
    """A greyscale image in the array's number type and byte order; `bits` 1 packs zeros and ones; `packed` uses deflate."""
    height, width = pixels.shape
    order = ">" if pixels.dtype.byteorder == ">" else "<"
    data = (np.packbits(pixels.astype(np.uint8), axis=1) if bits == 1 else pixels).tobytes()
    data = zlib.compress(data, 1) if packed else data
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, bits or 8 * pixels.itemsize),
        (259, 3, 8 if packed else 1),
        (262, 3, photometric),
        (273, 4, 8),  # where the strip begins: behind the header
        (277, 3, 1),
        (278, 4, height),
        (279, 4, len(data)),
        (339, 3, _FORMATS[pixels.dtype.kind]),
    ]
    padding = b"\0" * (len(data) % 2)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8 + len(data) + len(padding))
    entries = b"".join(
        struct.pack(f"{order}HHI", tag, kind, 1)
        + struct.pack(f"{order}{'HH' if kind == 3 else 'I'}", *([value, 0] if kind == 3 else [value]))
        for tag, kind, value in tags
    )
    return head + data + padding + struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", 0)
