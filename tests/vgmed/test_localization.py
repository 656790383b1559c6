"""Localization questions: yes for what is there, and no only for what no mask shows."""

from __future__ import annotations

from pathlib import Path

import vgmed_items

from lmms_vg.datasets.vgmed import boxes_of
from lmms_vg.vgmed.localization import TEMPLATES, absent, localization

ALL = frozenset({"made"})


def test_the_answer_about_an_items_own_label_is_yes(tmp_path: Path) -> None:
    items = [vgmed_items.item(number, tmp_path) for number in range(40)]
    asked = [localization(item, 0) for item in items]
    assert {question.answer for question in asked} == {"yes"}
    assert all(item.label in question.text for item, question in zip(items, asked, strict=True))
    assert len({question.author for question in asked}) == len(TEMPLATES)  # 40 draws of ten miss one with p = .14


def test_the_draw_depends_on_seed_and_item_only(tmp_path: Path) -> None:
    items = [vgmed_items.item(number, tmp_path) for number in range(20)]
    before = [localization(item, 3) for item in items]
    assert [localization(item, 3) for item in reversed(items)] == before[::-1]
    assert [localization(item, 4) for item in items] != before


def test_absent_labels_are_on_no_mask_of_the_image(tmp_path: Path) -> None:
    items = [vgmed_items.item(number, tmp_path, modality="CT") for number in range(12)]  # liver, spleen, aorta in turn
    items[0] = items[0].model_copy(update={"shows": ["liver", "spleen"]})  # a spleen whose mask was dropped
    asked = list(absent(items, ALL, 2, 0))
    assert {question.answer for question in asked} == {"no"}
    by_item = {item.id: sorted(q.label for q in asked if q.item == item.id) for item in items}
    assert by_item["item-0"] == ["aorta"]
    assert by_item["item-1"] == ["aorta", "liver"]
    assert len(asked) == 1 + 11 * 2


def test_no_label_twice_on_an_image(tmp_path: Path) -> None:
    first, second, third = (vgmed_items.item(number, tmp_path, modality="CT") for number in range(3))
    same = second.model_copy(update={"image_hash": first.image_hash})
    asked = list(absent([first, same, third], ALL, 1, 0))
    on_image = [question for question in asked if question.item in (first.id, same.id)]
    assert [question.label for question in on_image] == ["aorta"]  # the only label that the image lacks


def test_sources_that_are_not_exhaustive_have_none(tmp_path: Path) -> None:
    items = [vgmed_items.item(number, tmp_path) for number in range(6)]
    assert list(absent(items, frozenset(), 1, 0)) == []


def test_the_boxes_are_what_the_reader_of_vgmed_reads(tmp_path: Path) -> None:
    item = vgmed_items.item(0, tmp_path)
    assert boxes_of({"bbox": item.model_dump(mode="json")["boxes"]}, xywh=False) == [[4.0, 5.0, 20.0, 15.0]]
