"""Questions about phantom images (``demo.phantoms``), for the demo tasks: no files, no network.

Seeds are held out from the demo model's training, which draws from ``TRAIN_SEED_START`` (1,000,000) upwards:
100,000 + i for the standard split, 200,000 + i for the hard one, 300,000 + i (standard) for calibrating heads.
"""

from PIL import Image

from lmms_vg.datasets.schema import DatasetSpec, Sample
from lmms_vg.datasets.source import DataError
from lmms_vg.demo.phantoms import Question, Split, make_phantom, questions

PHANTOMS = DatasetSpec(
    name="demo", homepage="lmms_vg.demo.phantoms", licence="Apache-2.0", files={}, counts={"standard": 300, "hard": 300}
)
COUNT = 300
PER_IMAGE = 4
FIRST_SEED: dict[Split, int] = {"standard": 100_000, "hard": 200_000}
CALIBRATION_SEED = 300_000


def load(split: Split, first_seed: int | None = None) -> list[Sample]:
    """300 questions, four an image: two on the place and two on the looks, each image another choice of findings."""
    samples = []
    for index in range(COUNT // PER_IMAGE):
        seed = (FIRST_SEED[split] if first_seed is None else first_seed) + index
        asked = questions(make_phantom(seed, split))
        places = [question for question in asked if question.kind == "localization"]
        looks = [question for question in asked if question.kind == "attribute"]
        chosen = [pool[(index + turn * len(pool) // 2) % len(pool)] for pool in (places, looks) for turn in (0, 1)]
        samples += [_sample(question, split, seed, number) for number, question in enumerate(chosen)]
    return samples


def draw(path: str) -> Image.Image:
    """The image of ``<split>/<seed>``, RGB 64x64. Errors: DataError."""
    split, _, seed = path.partition("/")
    if split not in FIRST_SEED or not (seed.isascii() and seed.isdecimal()):
        raise DataError(f"demo:{path} is not demo:<{'|'.join(FIRST_SEED)}>/<seed>")
    return make_phantom(int(seed), split).image


def _sample(question: Question, split: Split, seed: int, number: int) -> Sample:
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
