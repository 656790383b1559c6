"""The format of a file of maps, `rank0.maps` beside `rank0.jsonl`: a `sidecar` whose lines state what a block is a map of.

    {"sha256": "6f1c0d…", "layout":1,"key":"…","bytes":32480,"crc32":…,"layers":28,"grid":[24,24],…}

The bytes of a block are, little-endian: the largest value of each layer and the share of each layer as float32, and the cells
as float16, layer after layer, row after row (`layer_maps`). Grids differ between images, so every block states its own. A
question's block names that of its reference prompt, of which there is one per image. What a run keeps besides the map that it
measures, of other token rows and of other views, lies in blocks of its own under another key (`layer_maps.further_key`).
"""

from __future__ import annotations

import zlib
from math import prod
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from lmms_vg.journal.layer_maps import ImageAxes, LayerMaps, QuestionMap, ReferenceMap
from lmms_vg.journal.sidecar import BlockLine, Sidecar

_Count = Annotated[int, Field(ge=1, le=1 << 20)]


class OfQuestion(BaseModel):
    """The part of a line about a question; see `QuestionMap`. Masks are hexadecimal, eight patches per byte, row by row.

    `axes` is missing in maps of older versions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: str
    image: str
    rows: str
    view: Annotated[int, Field(ge=0)]
    mask: str
    visible: str
    axes: ImageAxes | None = None


class MapLine(BlockLine):
    """The line of a block. Its key is that of the question's record, or of the reference prompt.

    Attributes:
        layers: number of layers.
        grid: rows and columns of patches.
        question: what is known of a question; None for a reference prompt.
    """

    layers: _Count
    grid: tuple[_Count, _Count]
    question: OfQuestion | None = None

    @model_validator(mode="after")
    def _sizes_agree(self) -> MapLine:
        if self.size != self.layers * (8 + 2 * self.patches):
            raise ValueError(f"bytes {self.size} do not hold {self.layers} layers of {self.patches} patches")
        if self.question is not None:
            for packed in (self.question.mask, self.question.visible):
                if len(bytes.fromhex(packed)) != -(-self.patches // 8):
                    raise ValueError(f"a mask of {self.patches} patches does not have {len(packed)} digits")
        return self

    @property
    def patches(self) -> int:
        """Number of patches."""
        return prod(self.grid)

    @property
    def name(self) -> tuple[bool, str]:
        """Whether it is a question's, and its key."""
        return self.question is not None, self.key


#: Maps, beside the journal file of a rank.
MAPS = Sidecar("maps", "maps", 1, MapLine)


def block_of(kept: QuestionMap | ReferenceMap) -> bytes:
    """Return the block of maps."""
    maps, question = kept.maps, None
    grid = kept.mask.shape if isinstance(kept, QuestionMap) else kept.grid
    if isinstance(kept, QuestionMap):
        question = OfQuestion(
            reference=kept.reference.key,
            image=kept.image,
            rows=kept.rows,
            view=kept.view,
            mask=_packed(kept.mask),
            visible=_packed(kept.visible),
            axes=kept.axes,
        )
    data = b"".join(
        (maps.largest.astype("<f4").tobytes(), maps.share.astype("<f4").tobytes(), maps.cells.astype("<f2").tobytes())
    )
    return MapLine(
        layout=MAPS.layout,
        key=kept.key,
        size=len(data),
        crc32=zlib.crc32(data),
        layers=len(maps.cells),
        grid=(grid[0], grid[1]),
        question=question,
    ).block(data)


def maps_of(line: MapLine, data: bytes) -> LayerMaps:
    """Read the verified bytes of a block."""
    largest, share = np.frombuffer(data, "<f4", 2 * line.layers).reshape(2, line.layers)
    cells = np.frombuffer(data, "<f2", offset=8 * line.layers).reshape(line.layers, line.patches)
    return LayerMaps(cells, largest, share)


def patches_of(packed: str, grid: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask of a line as (rows, cols) bool."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(packed), np.uint8), count=prod(grid))
    return bits.reshape(grid).astype(bool)


def _packed(mask: NDArray[np.bool_]) -> str:
    return np.packbits(mask).tobytes().hex()
