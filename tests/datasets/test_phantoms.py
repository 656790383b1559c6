"""Demo questions: held out, balanced, and about the image that they name."""

from __future__ import annotations

from collections import Counter

import pytest

from lmms_vg.datasets import phantoms
from lmms_vg.demo.phantoms import TRAIN_SEED_START, Split, make_phantom, questions

SPLITS: tuple[Split, ...] = ("standard", "hard")


@pytest.mark.parametrize("split", SPLITS)
def test_three_hundred_questions_of_both_kinds(split: Split) -> None:
    samples = phantoms.load(split)
    assert len({sample.uid for sample in samples}) == len(samples) == 300
    assert Counter(sample.subset for sample in samples) == {"localization": 150, "attribute": 150}
    asked = [(sample.images[0], sample.question) for sample in samples]
    assert len(set(asked)) == 300
    assert set(Counter(image for image, _ in asked).values()) == {4}


@pytest.mark.parametrize("split", SPLITS)
def test_answer_and_boxes_belong_to_the_image(split: Split) -> None:
    for sample in phantoms.load(split)[::17]:
        name, _, seed = sample.images[0].removeprefix("demo:").partition("/")
        assert name == split
        truth = {question.text: question for question in questions(make_phantom(int(seed), split))}[sample.question]
        assert sample.answer == truth.answer
        assert sample.boxes == [list(box) for box in truth.boxes]


@pytest.mark.parametrize("split", SPLITS)
def test_seeds_are_held_out(split: Split) -> None:
    seeds = {int(sample.images[0].rpartition("/")[2]) for sample in phantoms.load(split)}
    assert len(seeds) == 75
    assert max(seeds) < TRAIN_SEED_START


def test_no_constant_answer_does_well() -> None:
    for split in SPLITS:
        answers = Counter(sample.answer for sample in phantoms.load(split))
        assert answers.most_common(1)[0][1] < 0.3 * 300
        assert len({sample.question for sample in phantoms.load(split)}) > 25


def test_whoever_changes_an_image_changes_it_for_nobody_else() -> None:
    first = phantoms.draw("hard/200000")
    before = first.tobytes()
    first.paste((0, 0, 0), (0, 0, 64, 64))
    assert first.tobytes() != before
    assert phantoms.draw("hard/200000").tobytes() == before == make_phantom(200_000, "hard").image.tobytes()
