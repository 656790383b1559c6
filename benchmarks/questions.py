"""The questions: VQA-RAD's images and questions if the shared data are there, noise images otherwise."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

#: Tail of the paper's measurement prompt.
TAIL = " Answer the question using a single word or phrase."
REFERENCE = "Write a general description of the image." + TAIL

#: Questions about noise: the most that an image can be asked.
_ABOUT_NOISE = [
    f"Is there {finding} in the {place} part of the image?"
    for place in ("upper", "lower", "left", "right")
    for finding in ("a mass", "an effusion", "a fracture", "air", "calcification")
]


@dataclass(frozen=True)
class Asked:
    """One image file and the questions about it."""

    image: Path
    questions: tuple[str, ...]

    def open(self) -> Image.Image:
        """The image, decoded anew for every question, as lmms-eval's tasks do."""
        return Image.open(self.image).convert("RGB")


def vqa_rad_folder() -> Path:
    """`vqa_rad` in LMMS_VG_SHARED_DATA, or in ../shared/data next to the checkout."""
    default = Path(__file__).parents[2] / "shared" / "data"
    return Path(os.environ.get("LMMS_VG_SHARED_DATA") or default) / "vqa_rad"


def choose(images: int, questions: int, scratch: Path) -> tuple[list[Asked], str]:
    """Images with their questions, and where they come from, in words.

    Args:
        images: number of images.
        questions: number of questions per image.
        scratch: folder for noise images.

    Raises:
        ValueError: there are not enough.
    """
    source = vqa_rad_folder() / "VQA_RAD Dataset Public.json"
    if source.is_file():
        candidates, origin = _real(source, questions), "VQA-RAD"
    else:
        candidates, origin = _noise(images, questions, scratch), f"noise, because there is no {source}"
    enough = [asked for asked in candidates if len(asked.questions) == questions]
    if len(enough) < images:
        raise ValueError(f"--images {images} --questions-per-image {questions}: {origin} has {len(enough)} such images")
    return enough[:images], origin


def _real(source: Path, questions: int) -> list[Asked]:
    """Every image of VQA-RAD with its first distinct questions, in the order of the file."""
    texts: dict[str, dict[str, None]] = {}
    for row in json.loads(source.read_text(encoding="utf-8-sig")):
        texts.setdefault(row["image_name"], {})[row["question"].strip() + TAIL] = None
    folder = source.parent / "VQA_RAD Image Folder"
    return [
        Asked(folder / name, tuple(asked)[:questions]) for name, asked in texts.items() if (folder / name).is_file()
    ]


def _noise(images: int, questions: int, scratch: Path) -> list[Asked]:
    """Smooth noise of a radiograph's size, so that patches differ."""
    noise = []
    for seed in range(images):
        pixels = np.random.default_rng(seed).integers(0, 256, (24, 24, 3), dtype=np.uint8)
        path = scratch / f"noise{seed}.png"
        Image.fromarray(pixels).resize((640, 512), Image.Resampling.BICUBIC).save(path)
        noise.append(Asked(path, tuple(text + TAIL for text in _ABOUT_NOISE[:questions])))
    return noise
