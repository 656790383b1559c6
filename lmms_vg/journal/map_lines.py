"""The format of a file of maps, which lies beside a journal file: `rank0.maps` beside `rank0.jsonl`.

The file is a row of blocks: one line of JSON, and the bytes of the maps that it is about.

    {"sha256": "6f1c0d…", "layout": 1, "key": "…", "layers": 28, "grid": [24, 24], "bytes": 32480, "crc32": …, …}

The line has the checksum of a journal's line (`lines`), and the CRC-32 of the bytes. These are, little-endian: the
largest value of each layer and the share of each layer as float32, and the cells as float16, layer after layer, row after row
(`layer_maps`). Grids differ between images, so every block states its own. A question's block names that of its reference
prompt, of which there is one per image. Every line states the layout, so a file of another one is recognised at its first line.

The end of a file may be torn; and from a damaged line the next intact one is found by how it starts and by its checksum.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from math import prod
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lmms_vg.journal.layer_maps import LayerMaps, QuestionMap, ReferenceMap
from lmms_vg.journal.lines import decode, encode

#: Version of the layout.
LAYOUT = 1

#: Longest line in bytes: two bits for each of a million patches, and names.
LONGEST = 1 << 20

#: Most bytes behind a line, which are in memory at once: 80 layers of a million patches.
LARGEST = 1 << 28

_START = b'{"sha256": "'
_Count = Annotated[int, Field(ge=1, le=1 << 20)]


class OtherLayoutError(ValueError):
    """A file of maps has another layout; the message states both numbers."""


class OfQuestion(BaseModel):
    """What a question's line states; see `QuestionMap`. Masks are hexadecimal, eight patches a byte, row by row."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: str
    image: str
    rows: str
    view: Annotated[int, Field(ge=0)]
    mask: str
    visible: str


class MapLine(BaseModel):
    """What the line of a block states.

    Attributes:
        layout: version of the layout.
        key: of the question's record, or of the reference prompt.
        layers: number of layers.
        grid: rows and columns of patches.
        size: number of bytes behind the line, `bytes` in the file.
        crc32: their CRC-32.
        question: what is known of a question; None for a reference prompt.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    layout: int
    key: str
    layers: _Count
    grid: tuple[_Count, _Count]
    size: Annotated[int, Field(alias="bytes", le=LARGEST)]
    crc32: int
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
        )
    data = b"".join(
        (maps.largest.astype("<f4").tobytes(), maps.share.astype("<f4").tobytes(), maps.cells.astype("<f2").tobytes())
    )
    line = MapLine(
        layout=LAYOUT,
        key=kept.key,
        layers=len(maps.cells),
        grid=(grid[0], grid[1]),
        size=len(data),
        crc32=zlib.crc32(data),
        question=question,
    )
    return encode([line.model_dump(by_alias=True, exclude_none=True)]) + data


def line_of(line: bytes) -> MapLine:
    """Read the line of a block.

    Raises:
        OtherLayoutError: it states another layout.
        ValueError: it is damaged; RecursionError if it is nested too deeply.
    """
    entry = decode(line)
    if (stated := entry.get("layout")) != LAYOUT:
        raise OtherLayoutError(f"its layout is {stated}; this version of lmms_vg supports {LAYOUT}")
    return MapLine.model_validate(entry)


def blocks(data: Any) -> Iterator[tuple[int, int, MapLine | None]]:
    """Yield start, end and line of every whole block of a file; None as the line of a damaged part between blocks.

    A torn block at the end is not yielded. The bytes of maps are not read, so their CRC is not verified.

    Args:
        data: the bytes of the file, also as a mapping.

    Raises:
        OtherLayoutError: a block has another layout, or the file does not start as one of maps.
    """
    if data[: len(_START)] != _START[: len(data)]:
        raise OtherLayoutError(f"it does not start like a file of maps of layout {LAYOUT}")
    start = 0
    while start < len(data):
        newline = data.find(b"\n", start, start + LONGEST)
        try:
            line = line_of(data[start : newline + 1]) if newline >= 0 else None
        except OtherLayoutError:
            raise
        except (ValidationError, ValueError, RecursionError):
            line = None
        if line is not None:
            if (end := newline + 1 + line.size) > len(data):
                return
            yield start, end, line
            start = end
            continue
        following = data.find(_START, start + 1)
        if following < 0:
            return
        yield start, following, None
        start = following


def maps_of(line: MapLine, data: bytes) -> LayerMaps:
    """Read the bytes of a block.

    Raises:
        ValueError: they are damaged.
    """
    if len(data) != line.size or zlib.crc32(data) != line.crc32:
        raise ValueError("the checksum does not match the maps")
    largest, share = np.frombuffer(data, "<f4", 2 * line.layers).reshape(2, line.layers)
    cells = np.frombuffer(data, "<f2", offset=8 * line.layers).reshape(line.layers, line.patches)
    return LayerMaps(cells, largest, share)


def patches_of(packed: str, grid: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask of a line as (rows, cols) bool."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(packed), np.uint8), count=prod(grid))
    return bits.reshape(grid).astype(bool)


def _packed(mask: NDArray[np.bool_]) -> str:
    return np.packbits(mask).tobytes().hex()
