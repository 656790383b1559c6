"""Phantom images with exact boxes and masks, and questions that can be answered only by looking at one finding.

A phantom is a noisy elliptical "body" with two to four findings of different kinds. Only numpy and PIL are used, and of
random numbers only PCG64's uniform ones, so that a seed gives the same image on every platform. "Left" and "right" are the
viewer's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Split = Literal["standard", "hard"]
Kind = Literal["nodule", "cyst", "plaque", "stent"]
Box = tuple[int, int, int, int]

#: Side of the square image in pixels.
SIDE = 64

KINDS: tuple[Kind, ...] = get_args(Kind)
SIZES = ("small", "large")
BRIGHTNESSES = ("dark", "bright")

#: First seed of training; every seed below is held out.
TRAIN_SEED_START = 1_000_000

_ROWS, _COLS = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
_MIDDLE = (SIDE - 1) / 2
_TISSUE = 115.0


@dataclass(frozen=True)
class _Look:
    """Appearance of a split, in grey levels from 0 to 255."""

    contrast: float  # difference between a finding and the tissue
    noise: float  # standard deviation of the pixel noise
    distractors: int  # number of marks that are not findings


_LOOKS: dict[Split, _Look] = {
    "standard": _Look(contrast=70.0, noise=8.0, distractors=0),
    "hard": _Look(contrast=45.0, noise=18.0, distractors=3),
}


@dataclass(frozen=True, eq=False)
class Lesion:
    """One finding.

    Attributes:
        kind: nodule, cyst, plaque or stent.
        size: small or large.
        brightness: dark or bright.
        box: xyxy in pixels, x2 and y2 exclusive, tight around the mask.
        mask: (64, 64), bool.
    """

    kind: Kind
    size: str
    brightness: str
    box: Box
    mask: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Phantom:
    """An RGB image of 64x64 pixels and the findings on it."""

    image: Image.Image
    findings: tuple[Lesion, ...]


@dataclass(frozen=True)
class PhantomQuestion:
    """A question about one finding, its one-word answer, and the finding's box (xyxy, in pixels)."""

    kind: Literal["localization", "attribute"]
    text: str
    answer: str
    boxes: tuple[Box, ...]


def make_phantom(seed: int, split: Split = "standard") -> Phantom:
    """Make the phantom of a seed; the splits differ in the appearance and places of the findings."""
    rng = np.random.Generator(np.random.PCG64([seed, get_args(Split).index(split)]))
    look = _LOOKS[split]
    semi_x, semi_y = rng.uniform(28.0, 31.0, size=2)
    body = ((_COLS - _MIDDLE) / semi_x) ** 2 + ((_ROWS - _MIDDLE) / semi_y) ** 2 <= 1

    kinds = [KINDS[i] for i in np.argsort(rng.random(len(KINDS)))[: rng.integers(2, 5)]]
    sizes = [SIZES[rng.integers(2)] for _ in kinds]
    radii = [rng.uniform(2.8, 3.4) if size == "small" else rng.uniform(5.0, 5.8) for size in sizes]
    marks = [_extent(kind, radius) for kind, radius in zip(kinds, radii, strict=True)] + [2.5] * look.distractors
    centres = _place(rng, marks, min(semi_x, semi_y))

    shade_x, shade_y = rng.uniform(-0.3, 0.3, size=2)
    grey = np.where(body, _TISSUE + shade_x * (_COLS - _MIDDLE) + shade_y * (_ROWS - _MIDDLE), 12.0)
    findings = []
    for kind, size, radius, centre in zip(kinds, sizes, radii, centres, strict=False):
        brightness = BRIGHTNESSES[rng.integers(2)]
        mask, ink = _shape(kind, radius, *centre, upright=bool(rng.integers(2)))
        grey[ink] += look.contrast if brightness == "bright" else -look.contrast
        findings.append(Lesion(kind, size, brightness, _tight_box(mask), mask))
    for x, y in centres[len(kinds) :]:
        diagonal = np.abs(np.abs(_COLS - x) - np.abs(_ROWS - y)) < 0.5
        grey[diagonal & (np.abs(_COLS - x) <= 2)] += look.contrast * (1 if rng.integers(2) else -1)

    # The sum of four uniform numbers, scaled to unit variance, is close to normal and needs no platform's libm.
    noise = (rng.random((4, SIDE, SIDE)).sum(axis=0) - 2.0) * np.sqrt(3.0)
    pixels = np.clip(np.rint(grey + look.noise * noise), 0, 255).astype(np.uint8)
    return Phantom(Image.fromarray(np.repeat(pixels[:, :, None], 3, axis=2)), tuple(findings))


def questions(phantom: Phantom) -> list[PhantomQuestion]:
    """List all questions of a phantom: three about the location and five about the appearance of each finding."""
    samples = []
    for finding in phantom.findings:
        name, boxes = finding.kind, (finding.box,)
        left, top, right, bottom = finding.box
        side = "left" if left + right < SIDE else "right"
        half = "upper" if top + bottom < SIDE else "lower"
        for text, answer in (
            (f"Where is the {name}?", f"{half}-{side}"),
            (f"On which side of the image is the {name}, left or right?", side),
            (f"Which half of the image shows the {name}, upper or lower?", half),
        ):
            samples.append(PhantomQuestion("localization", text, answer, boxes))
        for text, answer in (
            (f"Is the {name} large or small?", finding.size),
            (f"Does the {name} look small?", "yes" if finding.size == "small" else "no"),
            (f"Compared with the tissue around it, is the {name} bright or dark?", finding.brightness),
            (f"Is the {name} bright?", "yes" if finding.brightness == "bright" else "no"),
            (f"Does the {name} look dark?", "yes" if finding.brightness == "dark" else "no"),
        ):
            samples.append(PhantomQuestion("attribute", text, answer, boxes))
    return samples


def _extent(kind: Kind, radius: float) -> float:
    """Radius in pixels of a circle that holds the finding."""
    return {"nodule": 1.0, "cyst": 1.0, "plaque": 1.5, "stent": 1.4}[kind] * radius


def _place(rng: np.random.Generator, extents: list[float], body: float) -> list[tuple[int, int]]:
    """Draw centres (x, y) of circles of the given radii: in the body, apart from each other, off the middle lines."""
    while True:
        centres: list[tuple[int, int]] = []
        for extent in extents:
            for _ in range(200):
                x, y = (int(value) for value in rng.integers(6, SIDE - 6, size=2))
                off_x, off_y = abs(x - _MIDDLE), abs(y - _MIDDLE)
                apart = all(
                    (x - x2) ** 2 + (y - y2) ** 2 >= (extent + other + 2) ** 2
                    for (x2, y2), other in zip(centres, extents, strict=False)
                )
                if apart and min(off_x, off_y) >= 4 and off_x**2 + off_y**2 <= (body - extent - 1) ** 2:
                    centres.append((x, y))
                    break
        if len(centres) == len(extents):
            return centres


def _shape(kind: Kind, radius: float, x: int, y: int, *, upright: bool) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Mask of a finding and the part of it that is drawn, both (64, 64); `upright` rotates plaque and stent."""
    along, across = (np.abs(_ROWS - y), np.abs(_COLS - x)) if upright else (np.abs(_COLS - x), np.abs(_ROWS - y))
    distance = along**2 + across**2
    if kind == "nodule":
        mask = ink = distance <= radius**2
    elif kind == "cyst":  # a rim
        mask = distance <= radius**2
        ink = mask & (distance >= (radius - 1.6) ** 2)
    elif kind == "plaque":  # a bar
        mask = ink = (along <= 1.4 * radius) & (across <= 0.4 * radius)
    else:  # a stent: struts, one pixel wide, two apart
        mask = (along <= radius) & (across <= radius)
        ink = mask & ((along % 2 == 0) | (across >= np.floor(radius)))
    return mask, ink


def _tight_box(mask: NDArray[np.bool_]) -> Box:
    """Return the smallest box around a mask: xyxy in pixels, x2 and y2 exclusive."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1
