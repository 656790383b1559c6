"""Phantoms: exact boxes, one image per seed, balanced answers."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

import numpy as np
import pytest

from lmms_vg.demo.phantoms import BRIGHTNESSES, KINDS, SIDE, SIZES, TRAIN_SEED_START, Split, make_phantom, questions
from lmms_vg.demo.train import training_seeds

SPLITS: tuple[Split, ...] = ("standard", "hard")


@pytest.mark.parametrize("split", SPLITS)
def test_boxes_are_tight_around_masks(split: Split) -> None:
    for seed in range(200):
        for finding in make_phantom(seed, split).findings:
            left, top, right, bottom = finding.box
            inside = finding.mask[top:bottom, left:right]
            assert inside.sum() == finding.mask.sum() > 0
            assert inside[0].any()
            assert inside[-1].any()
            assert inside[:, 0].any()
            assert inside[:, -1].any()
            assert finding.kind in KINDS
            assert finding.size in SIZES
            assert finding.brightness in BRIGHTNESSES


@pytest.mark.parametrize("split", SPLITS)
def test_findings_differ_in_kind_and_do_not_touch(split: Split) -> None:
    for seed in range(200):
        findings = make_phantom(seed, split).findings
        assert 2 <= len(findings) == len({finding.kind for finding in findings})
        assert np.sum([finding.mask for finding in findings], axis=0).max() == 1


def test_brightness_is_seen_in_the_image() -> None:
    for seed in range(100):
        phantom = make_phantom(seed)
        grey = np.asarray(phantom.image.convert("L"), dtype=float)
        for finding in phantom.findings:
            assert (grey[finding.mask].mean() > 115) == (finding.brightness == "bright")


def test_an_image_depends_on_seed_and_split_alone() -> None:
    images = [make_phantom(seed, split).image.tobytes() for split in SPLITS for seed in range(20)]
    assert images == [make_phantom(seed, split).image.tobytes() for split in SPLITS for seed in range(20)]
    assert len(set(images)) == len(images)


def test_an_image_is_the_same_on_every_platform() -> None:
    image = make_phantom(7).image
    assert (image.mode, image.size) == ("RGB", (SIDE, SIDE))
    assert hashlib.sha256(image.tobytes()).hexdigest()[:16] == "f9feec5e6c32e596"


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.slow
def test_a_question_alone_does_not_give_its_answer(split: Split) -> None:
    answers: dict[str, Counter[str]] = {}
    for seed in range(1000):
        for question in questions(make_phantom(seed, split)):
            asked = re.sub("|".join(KINDS), "finding", question.text)
            answers.setdefault(asked, Counter())[question.answer] += 1
    for counts in answers.values():
        assert max(counts.values()) / counts.total() < 1.1 / len(counts)
        assert len(counts) in (2, 4)


def test_a_question_is_about_one_finding_and_its_place_is_told_by_the_box() -> None:
    for seed in range(100):
        phantom = make_phantom(seed)
        boxes = {finding.kind: finding.box for finding in phantom.findings}
        asked = questions(phantom)
        assert len({question.text for question in asked}) == len(asked)
        for question in asked:
            (named,) = [kind for kind in boxes if kind in question.text]
            assert question.boxes == (boxes[named],)
            assert question.answer.split() == [question.answer]
            if question.text.startswith("Where"):
                left, top, right, bottom = boxes[named]
                vertical = "upper" if (top + bottom) / 2 < SIDE / 2 else "lower"
                horizontal = "left" if (left + right) / 2 < SIDE / 2 else "right"
                assert question.answer == f"{vertical}-{horizontal}"


def test_training_seeds_are_apart_from_held_out_ones_and_from_each_other() -> None:
    first, second = training_seeds(0, 64), training_seeds(1, 64)
    assert min(first) >= TRAIN_SEED_START
    assert not set(first) & set(second)
