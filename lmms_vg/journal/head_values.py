"""Agreement of every head of every layer with the boxes of a question, as a journal keeps it: in two bytes per value.

The format of a file of heads, `rank0.heads` beside `rank0.jsonl`, is a `sidecar` whose lines state the shape, and the lowest
and the highest of each value:

    {"sha256": "6f1c0d…", "layout":1,"key":"…","bytes":33600,"crc32":…,
     "values":{"kl":[1.204,9.377],"ar":[0.0,11.25],…},"layers":60,"heads":56}

The bytes of a block are unsigned numbers of 16 bits, little-endian, in the order of `values`, layer after layer: 0 stands for
the lowest, 65,535 for the highest, evenly. So a value is off by at most 1/131,070 of the question's range: 0.0001 where KL
goes from 1 to 12. Half precision takes as many bytes, is off by 0.002 there, and is slower to convert.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from math import isnan, prod
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from loguru import logger
from numpy.typing import NDArray
from pydantic import Field, model_validator

from lmms_vg.journal.block_reader import BlockReader
from lmms_vg.journal.record import Record
from lmms_vg.journal.sidecar import BlockLine, Sidecar

_Count = Annotated[int, Field(ge=1, le=1 << 16)]

#: Steps between the lowest and the highest value.
_STEPS = (1 << 16) - 1


class HeadValues(NamedTuple):
    """Values of every head, each (layers, heads); of a question each is known for all heads, or NaN for all.

    Attributes:
        kl: KL divergence in nats.
        ar: attention ratio.
        js: Jensen-Shannon divergence in nats.
        placement: share of the places of the box's shape that hold less; NaN where there are too few places, and in
            journals of older versions.
        entropy: entropy of the head's map in nats (`alignment.head_entropy`); NaN in journals of older versions.
    """

    kl: NDArray[np.float64]
    ar: NDArray[np.float64]
    js: NDArray[np.float64]
    placement: NDArray[np.float64]
    entropy: NDArray[np.float64]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> HeadValues:
        """Return these values, with NaN for those that are missing."""
        arrays = {name: np.asarray(values[name], dtype=np.float64) for name in cls._fields if name in values}
        if len(arrays) < len(cls._fields):
            unknown = _unknown(next(iter(arrays.values())).shape)
            arrays |= {name: unknown for name in cls._fields if name not in arrays}
        return cls(**arrays)


@cache
def _unknown(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """NaN for all heads, read-only: the questions of a journal share it."""
    return np.broadcast_to(np.float64(np.nan), shape)


@dataclass(frozen=True, eq=False)
class QuestionHeads:
    """The values of a question that was answered now.

    Attributes:
        key: content key of the question's record.
        values: the values.
    """

    key: str
    values: HeadValues


class HeadLine(BlockLine):
    """The line of a block: the lowest and highest of each value, and the numbers of layers and heads."""

    values: dict[str, tuple[float, float]]
    layers: _Count
    heads: _Count

    @model_validator(mode="after")
    def _sizes_agree(self) -> HeadLine:
        if self.size != 2 * prod(self.shape):
            raise ValueError(f"bytes {self.size} do not hold {' x '.join(map(str, self.shape))} values")
        if not set(self.values) & set(HeadValues._fields):
            raise ValueError(f"values {', '.join(self.values)}: known are {', '.join(HeadValues._fields)}")
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of values, layers and heads."""
        return len(self.values), self.layers, self.heads


#: Values of heads, beside the journal file of a rank.
HEADS = Sidecar("heads", "values of heads", 1, HeadLine)


def blocks_of(batch: Iterable[QuestionHeads]) -> Iterator[bytes]:
    """Yield the block of each question's values, without those that are not known.

    Questions of one shape and the same values are worked on together: numpy's calls for each would take longer than the
    arithmetic.
    """
    for (names, shape), alike in groupby(batch, key=_kind):
        questions = [*alike]
        values = np.stack(
            [getattr(kept.values, name).ravel() for kept in questions for name in names], dtype=np.float64
        )
        low, high = values.min(axis=1), values.max(axis=1)
        values -= low[:, None]
        values *= np.divide(_STEPS, high - low, out=np.zeros_like(low), where=high > low)[:, None]
        steps = np.rint(values, out=values).astype("<u2").reshape(len(questions), -1)
        ranges = np.stack([low, high], axis=1).reshape(len(questions), len(names), 2).tolist()
        for kept, numbers, stated in zip(questions, steps, ranges, strict=True):
            data = numbers.tobytes()
            yield HeadLine(
                layout=HEADS.layout,
                key=kept.key,
                size=len(data),
                crc32=zlib.crc32(data),
                values=dict(zip(names, map(tuple, stated), strict=True)),
                layers=shape[0],
                heads=shape[1],
            ).block(data)


def _kind(kept: QuestionHeads) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names of the values that are known, and their shape."""
    known = [name for name, each in zip(HeadValues._fields, kept.values, strict=True) if not isnan(each[0, 0])]
    return (*known,), kept.values.kl.shape


def values_of(line: HeadLine, data: bytes) -> HeadValues:
    """Read the verified bytes of a block."""
    values = np.frombuffer(data, "<u2").reshape(line.shape).astype(np.float64)
    for row, (low, high) in zip(values, line.values.values(), strict=True):
        row *= (high - low) / _STEPS
        row += low
    return HeadValues.of(dict(zip(line.values, values, strict=True)))


def read_heads(folder: Path, records: Iterable[Record]) -> Iterator[tuple[Record, HeadValues]]:
    """Yield those records of a journal that have values of heads, with the values.

    They are read from the files of heads, and from the record itself if an older version wrote it. Records that state values
    which are not there are counted and said once.

    Args:
        folder: the journal.
        records: its records.
    """
    places = HEADS.places(HEADS.files(folder))
    lost = 0
    with BlockReader(HEADS) as reader:
        for record in records:
            stated, place = record.alignment or {}, places.get(record.key)
            if "heads" in stated:
                yield record.without_heads(), HeadValues.of(stated["heads"])
            elif place is not None and (data := reader.read(place)) is not None:
                yield record, values_of(place.line, data)
            else:
                lost += "head_shape" in stated
    if lost:
        logger.warning(
            f"{folder}: the values of every head of {lost:,} answers are not in its files rank*.{HEADS.suffix}, which are "
            "missing, damaged or of another layout. Copy these files from the machine that asked; or move this journal away "
            "and ask again with per_head=true"
        )
