"""The layer of an image never rests on the image itself, nor on its half."""

from __future__ import annotations

import doctest

import numpy as np

from lmms_vg.runs import layer_choice
from lmms_vg.runs.layer_choice import LayerChoice, half_of, named, on_the_other_half, on_the_other_halves

IMAGES = [f"image {i // 2}" for i in range(80)]


def test_each_half_takes_the_layer_of_the_other() -> None:
    """The first half has its lowest KL in layer 2, the second in layer 0."""
    halves = np.array([half_of(image) for image in IMAGES])
    kl = np.ones((80, 3))
    kl[halves == 0, 2], kl[halves == 1, 0] = 0.5, 0.5
    choice = on_the_other_half(kl, IMAGES)
    assert choice == LayerChoice((0, 2), "other half")
    assert {choice.at(image) for image, half in zip(IMAGES, halves, strict=True) if half == 0} == {0}
    assert str(choice) == "0 or 2 (other half)"
    assert choice.layers == [0, 2]


def test_what_an_image_has_does_not_change_its_own_layer() -> None:
    kl = np.random.default_rng(0).uniform(1, 2, (80, 5))
    before = on_the_other_half(kl, IMAGES)
    half = half_of(IMAGES[0])
    kl[[half_of(image) == half for image in IMAGES], 3] = 0
    after = on_the_other_half(kl, IMAGES)
    assert after.halves[half] == before.halves[half]
    assert after.halves[1 - half] == 3


def test_halves_are_about_equal_and_those_of_all_questions_about_an_image() -> None:
    assert 0.45 < np.mean([half_of(f"{i}") for i in range(2000)]) < 0.55
    assert all(half_of(first) == half_of(second) for first, second in zip(IMAGES[::2], IMAGES[1::2], strict=True))


def test_one_image_has_no_other_half() -> None:
    choice = on_the_other_half(np.array([[2.0, 1.0], [2.0, 1.0]]), ["a", "a"])
    assert choice == LayerChoice((1, 1), "in-sample")
    assert choice.in_sample
    assert (str(choice), str(named(4))) == ("1 (in-sample)", "4")


def test_a_layer_of_two_tasks_comes_from_the_other_halves_of_both_and_each_counts_the_same() -> None:
    """By hand: means of the first half add up to (7, 5, 6.5), of the second to (7, 9, 6), however many questions there are."""
    few, many = IMAGES[:20], [f"natural {i}" for i in range(400)]

    def task(names: list[str], of_half: tuple[list[float], list[float]]) -> tuple[np.ndarray, list[str]]:
        return np.array([of_half[half_of(name)] for name in names]), names

    first = task(few, ([1.0, 2.0, 4.0], [5.0, 5.0, 1.0]))
    second = task(many, ([6.0, 3.0, 2.5], [2.0, 4.0, 5.0]))
    choice = on_the_other_halves([first, second])
    assert choice == LayerChoice((2, 1), "other half")
    assert on_the_other_halves([first]) == on_the_other_half(*first) == LayerChoice((2, 0), "other half")
    alone = task(few[:1], ([1.0, 2.0, 4.0], [1.0, 2.0, 4.0]))
    assert on_the_other_halves([alone, second]).how == "in-sample"


def test_docstring_examples() -> None:
    assert doctest.testmod(layer_choice).failed == 0
