"""The 44 sources of Table C.2."""

from __future__ import annotations

from collections import Counter

from lmms_vg.vgmed.known_sources import UNKNOWN, known_sources


def test_as_many_of_each_modality_as_in_the_paper() -> None:
    sources = known_sources()
    assert len({source.name for source in sources}) == len(sources) == 44
    assert Counter(" ".join(source.modalities) for source in sources) == {
        "CT": 17,
        "MR": 12,
        "CT MR": 1,
        "CT MR X-ray": 1,
        "X-ray": 2,
        "Ultrasound": 2,
        "Fundus": 2,
        "Endoscopy": 3,
        "Dermoscopy": 3,
        "PET": 1,
    }


def test_shared_patients_are_named_on_both_sides() -> None:
    by_name = {source.name: source for source in known_sources()}
    for source in by_name.values():
        for other in source.shares_images_with:
            assert source.name in by_name[other].shares_images_with


def test_no_licence_is_claimed_that_nobody_checked() -> None:
    assert Counter(source.licence == UNKNOWN for source in known_sources()) == {True: 41, False: 3}
