"""Every format is read back by its own reader."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import vgmed_items
from datasets import load_dataset
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from lmms_vg.datasets import images, own, vgmed
from lmms_vg.datasets.source import DataError
from lmms_vg.vgmed import dataset, rle
from lmms_vg.vgmed.dataset import BuiltDataset
from lmms_vg.vgmed.export import WRITERS, export
from lmms_vg.vgmed.schema import BoxQuestion, SourceCard


@pytest.fixture
def built(tmp_path: Path) -> BuiltDataset:
    """Six items, two of them on one image, with two questions each, and a question about what is absent."""
    folder = tmp_path / "built"
    items = [vgmed_items.item(number, folder) for number in range(5)]
    two = [(1, 2, 5, 6), (10, 12, 20, 25)]
    mask = np.zeros((30, 40), bool)
    for x1, y1, x2, y2 in two:
        mask[y1:y2, x1:x2] = True
    same = {"image": items[0].image, "image_hash": items[0].image_hash, "boxes": two[::-1], "mask": rle.encode(mask)}
    items.append(vgmed_items.item(5, folder, **same, label="left lung", patient=items[0].patient, modality="CT"))
    asked = [question for item in items for question in vgmed_items.questions(item)]
    asked.append(
        BoxQuestion(
            id="absent",
            item="item-0",
            kind="localization",
            text="Is there a uterus?",
            label="uterus",
            answer="no",
            author="t",
        )
    )
    card = SourceCard(
        name="made", licence="CC-BY-4.0", address="https://example.org/made", redistribution=True, items=6
    )
    dataset.write(folder, 'mine: <a> "set"', items, asked, [card], {})
    return dataset.read(folder)


def test_vgmed_is_read_back_by_its_reader(built: BuiltDataset, data: Path) -> None:
    export(built, built.questions, "vgmed", data / "vgmed")
    for kind in ("localization", "attribute"):
        samples = vgmed.load("VGMED", kind)
        expected = [one for one in built.questions if one.kind == kind and one.id != "absent"]
        assert [one.question for one in samples] == [one.text for one in expected]
        assert [one.boxes for one in samples] == [
            [list(box) for box in built.items[one.item].boxes] for one in expected
        ]
        assert [one.modality for one in samples] == [built.items[one.item].modality for one in expected]
        assert images.open_image(samples[-1].images[0]).size == (40, 30)


def test_own_lines_hold_masks_and_answers(built: BuiltDataset, tmp_path: Path) -> None:
    path = export(built, built.questions, "own", tmp_path / "own")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 13
    assert (path.parent / rows[0]["image"]).is_file()
    first, last = rows[0], rows[-1]
    assert list(own.check(path)) == []
    assert "bbox" not in first  # its reader wants to be told once where an object is
    assert coco_mask.decode(first["mask"]).sum() == 16 * 10
    assert (first["answer"], first["group"], first["split"], first["patient"]) == (
        "yes",
        "localization",
        "test",
        "made/patient 0",
    )
    assert "answer" not in rows[1]
    assert last == {
        "image": "images/0.png",
        "question": "Is there a uterus?",
        "answer": "no",
        "group": "localization",
    } | {
        "split": "test",
        "modality": "CT",
        "patient": "made/patient 0",
    }


def test_coco_is_read_back_by_pycocotools(built: BuiltDataset, tmp_path: Path) -> None:
    found = COCO(export(built, built.questions, "coco", tmp_path / "coco"))
    assert (len(found.imgs), len(found.anns), len(found.cats)) == (5, 6, 4)
    for annotation in found.anns.values():
        item = built.items[annotation["item"]]
        assert np.array_equal(found.annToMask(annotation), rle.decode(item.mask))
        assert annotation["area"] == found.annToMask(annotation).sum() == coco_mask.area(annotation["segmentation"])
        assert annotation["bbox"] == coco_mask.toBbox(annotation["segmentation"]).tolist()
        assert found.cats[annotation["category_id"]]["name"] == item.label
        assert (tmp_path / "coco" / found.imgs[annotation["image_id"]]["file_name"]).is_file()
    assert "Is there a uterus?" in found.anns[1]["questions"]
    assert found.dataset["licenses"] == [{"id": 1, "name": "made: CC-BY-4.0", "url": "https://example.org/made"}]


def test_a_hub_folder_is_loaded_by_datasets(built: BuiltDataset, tmp_path: Path) -> None:
    card = export(built, built.questions, "hub", tmp_path / "hub")
    rows = load_dataset(str(card.parent), split="test", cache_dir=str(tmp_path / "cache"))
    assert len(rows) == 5
    first = rows[0]
    assert first["image"].size == (40, 30)
    assert [one["bbox"] for one in first["objects"]] == [[4, 5, 20, 15], [10, 12, 20, 25], [1, 2, 5, 6]]
    assert [one["object"] for one in first["questions"]] == [0, 0, -1, 1, 1]
    decoded = coco_mask.decode({"size": [first["height"], first["width"]], "counts": first["objects"][1]["mask"]})
    assert decoded.sum() == 13 * 10 + 4 * 4


def test_the_data_card_names_every_licence_and_escapes_the_name(built: BuiltDataset, tmp_path: Path) -> None:
    from huggingface_hub import DatasetCard

    text = export(built, built.questions, "hub", tmp_path / "hub").read_text()
    card = DatasetCard(text)
    assert card.data.pretty_name == 'mine: <a> "set"'
    assert card.data.license == "other"
    assert card.data.license_details == "made: CC-BY-4.0"
    assert text.endswith(".\n")
    assert "| made | CC-BY-4.0 | https://example.org/made | yes | 6 |" in text
    assert "13 questions (6 attribute, 7 localization) about 6 objects on 5 images" in text


def test_the_same_data_give_the_same_bytes_and_nothing_is_overwritten(built: BuiltDataset, tmp_path: Path) -> None:
    for to in ("vgmed", "own", "coco", "hub"):
        export(built, built.questions, to, tmp_path / f"{to}1")
        export(built, built.questions, to, tmp_path / f"{to}2")
        first, second = (
            {p.name: p.read_bytes() for p in (tmp_path / f"{to}{n}").rglob("*") if p.is_file()} for n in (1, 2)
        )
        assert first == second
        with pytest.raises(ValueError, match="already exists"):
            export(built, built.questions, to, tmp_path / f"{to}1")


def test_only_what_questions_are_about_is_exported(built: BuiltDataset, tmp_path: Path) -> None:
    some = [one for one in built.questions if one.item == "item-3"]
    found = COCO(export(built, some, "coco", tmp_path / "coco"))
    assert [one["item"] for one in found.anns.values()] == ["item-3"]
    assert [path.name for path in (tmp_path / "coco" / "images").iterdir()] == ["3.png"]
    with pytest.raises(ValueError, match="no questions to export"):
        export(built, [], "coco", tmp_path / "none")


def test_an_image_that_is_gone_is_named_with_the_way_on(built: BuiltDataset, tmp_path: Path) -> None:
    path = built.image_path(next(iter(built.items.values())))
    path.unlink()
    for to in WRITERS:
        with pytest.raises(DataError, match=f"{path.name}: No such file or directory; put the image back, or build"):
            export(built, built.questions, to, tmp_path / to)
