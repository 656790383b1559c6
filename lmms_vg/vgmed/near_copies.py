"""Near copies: images whose pixels differ although they show the same, as another source saved them with losses or smaller.

Krawetz, "Kind of Like That" (2013): an image becomes a small one, of which each bit says whether a pixel is darker than the one
to its right. With 16 x 16 bits, copies in JPEG or of another size differ in few, and neighbouring slices of a volume in more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Bits per side of a hash.
SIDE = 16
#: Most bits, of 256, in which two copies differ.
MOST = 15


def difference_hash(image: Image.Image) -> bytes:
    """Return the 32 bytes of an image's hash."""
    small = np.asarray(image.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX), np.int16)
    return np.packbits(small[:, :-1] < small[:, 1:]).tobytes()


class NearCopies:
    """Hashes of images by source, in which those of other sources are looked for."""

    def __init__(self) -> None:
        self._hashes: dict[str, NDArray[np.uint64]] = {}  # source -> (capacity, 4)
        self._origins: dict[str, list[str]] = {}

    def find(self, source: str, image: bytes) -> tuple[str, str] | None:
        """Return source and file of the first image of another source that differs in at most `MOST` bits.

        None if there is none, and for an image with too little on it to be told from others.
        """
        wanted = np.frombuffer(image, np.uint64)
        if np.bitwise_count(wanted).sum() <= 2 * MOST:
            return None
        for other, origins in self._origins.items():
            if other != source:
                bits = np.bitwise_count(self._hashes[other][: len(origins)] ^ wanted).sum(axis=1)
                if (near := np.flatnonzero(bits <= MOST)).size:
                    return other, origins[near[0]]
        return None

    def add(self, source: str, image: bytes, origin: str) -> None:
        """Keep an image's hash."""
        origins = self._origins.setdefault(source, [])
        hashes = self._hashes.setdefault(source, np.zeros((64, 4), np.uint64))
        if len(origins) == len(hashes):
            hashes = self._hashes[source] = np.concatenate([hashes, np.zeros_like(hashes)])
        hashes[len(origins)] = np.frombuffer(image, np.uint64)
        origins.append(origin)
