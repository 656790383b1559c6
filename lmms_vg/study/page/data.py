"""Data that the page's script reads: the drawn samples with their maps, and all asked questions as short columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from lmms_vg.study.page.images import SIDE, thumbnail
from lmms_vg.study.page.input import AskedQuestions, GallerySample, PageInput, PageSide, SideAnswers, SideLook, Values
from lmms_vg.study.page.maps import kept_layers, packed, packed_maps

#: Columns hold thousandths as 16-bit integers; this one is "not known".
UNKNOWN = -32768


class MapDetail(NamedTuple):
    """The detail in which maps are kept: number of levels, and the step between kept layers (the best one is always kept)."""

    levels: int
    step: int


class DrawnSample(NamedTuple):
    """A sample of the gallery.

    Attributes:
        number: of the question among all that were asked.
        sample: the question.
        picture: a WebP file as base64; empty if there is none.
        reason: why there is none.
    """

    number: int
    sample: GallerySample
    picture: str
    reason: str


def drawn(page: PageInput, numbers: Sequence[int], images: bool | None) -> list[DrawnSample]:
    """Open what the gallery shows; an image that several questions are about is made small once."""
    samples = [(number, page.sample_of(number)) for number in numbers]
    return [DrawnSample(number, sample, *thumbnail(sample, images)) for number, sample in samples]


def rows(asked: AskedQuestions) -> dict[str, Any]:
    """Return the columns of all questions; task and modality names are stored once."""
    tasks, modalities = sorted(set(asked.tasks)), sorted(set(asked.modalities))
    return {
        "n": len(asked.uids),
        "tasks": tasks,
        "modalities": modalities,
        "task": packed(_codes(asked.tasks, tasks)),
        "modality": packed(_codes(asked.modalities, modalities)),
        "share": packed(_thousandths(asked.shares)),
        "sides": [_side_columns(side) for side in asked.sides],
    }


def samples(page: PageInput, shown: Sequence[DrawnSample]) -> list[dict[str, Any]]:
    """Return the texts and numbers of the gallery."""
    return [_sample(page.asked, entry) for entry in shown]


def blobs(page: PageInput, shown: Sequence[DrawnSample], detail: MapDetail) -> Iterator[tuple[str, str]]:
    """Yield name and base64 of every picture (`i3`) and of every side's maps (`m3-0`).

    Each gets an element of its own, whose text the browser keeps outside the script's memory until it is looked at.
    """
    kept = [layers_of(side, detail) for side in page.sides]
    for place, entry in enumerate(shown):
        if entry.picture:
            yield f"i{place}", entry.picture
        for side, (look, layers) in enumerate(zip(entry.sample.looks, kept, strict=True)):
            if look is not None:
                yield f"m{place}-{side}", packed_maps(look.maps, look.visible, detail.levels, layers)


def layers_of(side: PageSide, detail: MapDetail) -> list[int]:
    """Return the layers of a side whose maps are kept."""
    return kept_layers(side.layers, detail.step, side.layer)


def _sample(asked: AskedQuestions, entry: DrawnSample) -> dict[str, Any]:
    sample = entry.sample
    width, height = sample.size
    small = min(1.0, SIDE / max(width, height, 1))
    return {
        "row": entry.number,
        "uid": asked.uids[entry.number],
        "question": sample.question,
        "reference": sample.reference,
        "label": sample.label,
        "source": sample.source,
        "w": max(1, round(width * small)),
        "h": max(1, round(height * small)),
        "boxes": [[round(edge * small, 1) for edge in box] for box in sample.boxes],
        "why": entry.reason,
        "looks": [None if look is None else _look(look, small) for look in sample.looks],
    }


def _look(look: SideLook, small: float) -> dict[str, Any]:
    return {
        "grid": list(look.grid),
        "place": None if look.place is None else [round(edge * small, 2) for edge in look.place],
        "ar": _numbers(look.ar),
        "kl": _numbers(look.kl),
        "excess": _numbers(look.excess),
        "placement": _numbers(look.placement),
        "answer": look.answer,
    }


def means(page: PageInput) -> list[dict[str, Any]]:
    """Return the means per layer that are shown beside the layer slider."""
    return [
        {"side": mean.side, "task": mean.task, "n": mean.n}
        | {name: _numbers(getattr(mean, name)) for name in ("ar", "kl", "excess", "placement")}
        for mean in page.means
    ]


def _numbers(values: Values) -> list[float | None]:
    return [round(float(value), 3) if math.isfinite(value) else None for value in values]


def _codes(names: Sequence[str], known: Sequence[str]) -> bytes:
    code = {name: number for number, name in enumerate(known)}
    return np.array([code[name] for name in names], "<u2").tobytes()


def _thousandths(values: Values) -> bytes:
    known = np.isfinite(values)
    scaled = np.clip(np.rint(np.where(known, values, 0) * 1000), -32767, 32767)
    return np.where(known, scaled, UNKNOWN).astype("<i2").tobytes()


def _side_columns(side: SideAnswers) -> dict[str, str]:
    return {
        "excess": packed(_thousandths(side.excess)),
        "placement": packed(_thousandths(side.placement)),
        "right": packed(side.right.astype(np.int8).tobytes()),
        "changes": packed(side.changes.astype(np.int8).tobytes()),
    }
