"""The balanced draw: at most so many per modality and body part, labels and patients in turns, by seed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import vgmed_items

from lmms_vg.vgmed import balance
from lmms_vg.vgmed.schema import Item


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    """60 items: CT of 10 livers per patient and one spleen, and some MR."""
    made = []
    for number in range(60):
        fields = {"modality": "CT" if number < 50 else "MR", "patient": f"p{number // 10}"}
        made.append(vgmed_items.item(number, tmp_path, label="spleen" if number == 7 else "liver", **fields))
    return made


def balanced(items: list[Item], most: int, seed: int) -> list[Item]:
    kept = balance.balanced(items, most, seed)
    return [item for item in items if item.id in kept]


def test_every_group_has_its_share(items: list[Item]) -> None:
    kept = balanced(items, 5, 0)
    assert Counter(item.modality for item in kept) == {"CT": 5, "MR": 5}


def test_rare_labels_stay_and_patients_take_turns(items: list[Item]) -> None:
    for seed in range(5):
        kept = [item for item in balanced(items, 6, seed) if item.modality == "CT"]
        assert Counter(item.label for item in kept) == {"liver": 5, "spleen": 1}
        assert len({item.patient for item in kept if item.label == "liver"}) == 5


def test_the_draw(items: list[Item]) -> None:
    assert balanced(items, 100, 0) == items
    assert balanced(items, 5, 0) == balanced(items, 5, 0)
    assert balanced(items, 5, 0) != balanced(items, 5, 1)
    assert {item.id for item in balanced(items[::-1], 5, 0)} == {item.id for item in balanced(items, 5, 0)}
