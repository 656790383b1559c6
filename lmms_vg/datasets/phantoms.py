"""Questions of the demo tasks, about phantom images (`demo.phantoms`): no files, no network.

Seeds are 100,000 + i for the standard split, 200,000 + i for the hard split, and 300,000 + i (standard) for calibrating
heads. The demo model was trained on seeds from `TRAIN_SEED_START` (1,000,000) upwards only.
"""

from __future__ import annotations

from functools import lru_cache

from PIL import Image

from lmms_vg.datasets.schema import DatasetSpec, Sample
from lmms_vg.datasets.source import DataError
from lmms_vg.demo.phantoms import PhantomQuestion, Split, make_phantom, questions

PHANTOMS = DatasetSpec(
    name="demo", homepage="lmms_vg.demo.phantoms", licence="Apache-2.0", files={}, counts={"standard": 300, "hard": 300}
)
COUNT = 300
PER_IMAGE = 4
FIRST_SEED: dict[Split, int] = {"standard": 100_000, "hard": 200_000}
CALIBRATION_SEED = 300_000

_phantom = lru_cache(maxsize=256)(make_phantom)  # four questions are about each, and every method asks them


def load(split: Split, first_seed: int | None = None) -> list[Sample]:
    """Make 300 questions, four per image: two about location and two about appearance; the findings vary by image."""
    samples = []
    for index in range(COUNT // PER_IMAGE):
        seed = (FIRST_SEED[split] if first_seed is None else first_seed) + index
        pool = questions(_phantom(seed, split))
        places = [question for question in pool if question.kind == "localization"]
        looks = [question for question in pool if question.kind == "attribute"]
        chosen = [kind[(index + turn * len(kind) // 2) % len(kind)] for kind in (places, looks) for turn in (0, 1)]
        samples += [_sample(question, split, seed, number) for number, question in enumerate(chosen)]
    return samples


def draw(path: str) -> Image.Image:
    """Draw the image of `<split>/<seed>`, RGB, 64x64 pixels.

    Raises:
        DataError: the path has another form.
    """
    split, _, seed = path.partition("/")
    if split not in FIRST_SEED or not (seed.isascii() and seed.isdecimal()):
        raise DataError(f"demo:{path} is not an image; allowed is demo:<{'|'.join(FIRST_SEED)}>/<seed>")
    return _phantom(int(seed), split).image.copy()


def _sample(question: PhantomQuestion, split: Split, seed: int, number: int) -> Sample:
    return Sample(
        uid=f"demo/{split}/{seed}/{number}",
        images=[f"demo:{split}/{seed}"],
        question=question.text,
        answer=question.answer,
        answer_type="CLOSED",
        modality="phantom",
        subset=question.kind,
        split=split,
        boxes=[list(map(float, box)) for box in question.boxes],
        licence=PHANTOMS.licence,
        source=PHANTOMS.source,
    )
