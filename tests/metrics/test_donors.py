"""Who may be swapped with whom, and that the draw does not depend on the order of the questions."""

from __future__ import annotations

import numpy as np
import pytest

from lmms_vg.metrics.donors import MapOwner, of_other_images, of_same_image


def asked(images=30, questions=3, per_unit=2, kind="24x24"):
    return [
        MapOwner(f"{kind}/{image}/{number}", f"{kind}/{image}", f"{kind}/{image // per_unit}", kind)
        for image in range(images)
        for number in range(questions)
    ]


def test_other_images_are_never_of_the_same_image_or_patient_or_kind():
    questions = [*asked(), *asked(kind="padded")]
    for question, donors in zip(questions, of_other_images(questions), strict=True):
        chosen = [questions[i] for i in donors]
        assert len(chosen) == 20
        assert len({other.image for other in chosen}) == 20, "one question of each image"
        assert question.unit not in {other.unit for other in chosen}
        assert {other.kind for other in chosen} == {question.kind}


def test_every_other_image_and_question_can_be_drawn():
    questions = asked(images=9, per_unit=1)
    drawn = {int(i) for seed in range(40) for i in of_other_images(questions, swaps=5, seed=seed)[0]}
    assert drawn == set(range(3, 27))


def test_the_draw_is_that_of_the_names():
    questions = asked()
    shuffled = [questions[i] for i in np.random.default_rng(0).permutation(len(questions))]

    def names(given, seed=0):
        donors = of_other_images(given, seed=seed)
        return {question.uid: {given[i].uid for i in chosen} for question, chosen in zip(given, donors, strict=True)}

    assert names(questions) == names(shuffled)
    assert names(questions) != names(questions, seed=1)


@pytest.mark.parametrize(("images", "donors"), [(5, 0), (6, 5), (21, 20), (22, 20)])
def test_few_images_all_give_one_and_too_few_give_none(images, donors):
    assert {len(chosen) for chosen in of_other_images(asked(images, per_unit=1))} == {donors}


def test_one_patient_has_no_donors():
    assert {len(chosen) for chosen in of_other_images(asked(per_unit=30))} == {0}


def test_other_questions_about_the_image_ask_for_another_place():
    questions = [*asked(images=2, questions=3), MapOwner("other", "24x24/0", "24x24/0", "8x8")]
    masks = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 1, 1], [0, 0, 0, 1]])
    assert [chosen.tolist() for chosen in of_same_image(questions, masks)] == [[2], [], [0], [5], [5], [3, 4], []]


def test_errors_name_what_is_wrong():
    one = asked(images=1, questions=1)
    with pytest.raises(ValueError, match="'24x24/0/0' is there twice"):
        of_other_images([*one, *one])
    with pytest.raises(ValueError, match="belongs to '24x24/0' and to 'b'"):
        of_other_images([*one, MapOwner("q", "24x24/0", "b", "24x24")])
    with pytest.raises(ValueError, match="swaps 4: allowed is 5 or more"):
        of_other_images(one, swaps=4)
    with pytest.raises(ValueError, match="1 questions and 0 masks"):
        of_same_image(one, [])
