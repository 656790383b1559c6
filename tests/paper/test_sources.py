"""The table of sources against the counts of the paper, and labels from the wording of questions."""

from __future__ import annotations

from collections import Counter

import pytest

from lmms_vg.paper.sources import LOCALIZATION, SOURCES, label_of, source_of


def test_counts_of_table_c2() -> None:
    counts = Counter(source.modality for source in SOURCES)
    assert len(SOURCES) == 44
    assert counts == {
        "CT": 17,
        "MR": 12,
        "CT, MR": 1,
        "CT, MR, X-ray": 1,
        "X-ray": 2,
        "Ultrasound": 2,
        "Fundus": 2,
        "Endoscopy": 3,
        "Dermoscopy": 3,
        "PET": 1,
    }


@pytest.mark.parametrize("template", LOCALIZATION)
@pytest.mark.parametrize("label", ["left kidney", "tumor in this image", "a"])
def test_every_template_gives_its_label_back(template: str, label: str) -> None:
    assert label_of(template.format(label=label)) == label


def test_folders() -> None:
    found = {name: source_of(name) for name in ("AMOS2022", "amos", "Slake1.0", "autoPET", "unheard of", "")}
    assert {name: source and source.modality for name, source in found.items()} == {
        "AMOS2022": "CT, MR",
        "amos": "CT, MR",
        "Slake1.0": "CT, MR, X-ray",
        "autoPET": "PET",
        "unheard of": None,
        "": None,
    }
