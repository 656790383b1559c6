"""Boxes under ten wordings: files of own questions that the reader of own questions takes, with their images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataMissing
from lmms_vg.demo.phantoms import make_phantom
from lmms_vg.study import templates
from lmms_vg.study.asking import tasks_of
from lmms_vg.study.questions import kind_of, side_of, stated


def sample(number: int, question: str, organ: str = "", boxes: bool = True) -> Sample:
    return Sample(
        uid=f"s/{number}",
        images=[f"demo:standard/{number}"],
        question=question,
        organ=organ,
        subset="",
        split="",
        boxes=[[1.0, 1.0, 9.0, 9.0]] if boxes else [],
        licence="",
        source="",
    )


def test_labels_are_stated_or_read_from_the_wording() -> None:
    given = [
        sample(1, "Is there a left kidney in the image?"),
        sample(1, "Is a left kidney shown in the picture?"),
        sample(2, "What does it look like?", organ="aorta"),
        sample(3, "Where is the nodule?"),
        sample(4, "What does it look like?"),
        sample(5, "Is there a liver in the image?", boxes=False),
    ]
    assert sorted(label for label, _ in templates.boxes_of(given)) == ["aorta", "left kidney", "nodule"]


def test_a_hundred_boxes_are_drawn_whatever_their_order() -> None:
    given = [sample(number, "Is there a liver in the image?") for number in range(130)]
    drawn = [one.uid for _, one in templates.boxes_of(given)]
    assert len(set(drawn)) == 100
    assert drawn == [one.uid for _, one in templates.boxes_of(given[::-1])]
    assert drawn != sorted(drawn)


def test_every_box_is_asked_in_ten_wordings_about_its_own_image(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LMMS_VG_OWN", "")
    monkeypatch.setattr(templates, "BOXES", 3)
    (file,), missing = templates.write(["vgmed_demo"], tmp_path)
    assert missing == []
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == 30
    assert len({line["question"] for line in lines[:10]}) == 10
    assert {line["image"] for line in lines[:10]} == {"templates_vgmed_demo/000.png"}
    (task,) = tasks_of([str(file)])
    assert (task, kind_of(task), side_of(task)) == ("own_templates_vgmed_demo_grounding", "templates", "phantom")
    asked = stated(task)
    assert isinstance(asked, dict)
    assert [one.boxes for one in asked.values()] == [line["bbox"] for line in lines]
    drawn = templates.boxes_of(templates.samples_of("vgmed_demo"))[0][1]
    seed = int(drawn.images[0].rpartition("/")[2])
    pixels = np.asarray(Image.open(tmp_path / lines[0]["image"]))
    assert (pixels == np.asarray(make_phantom(seed).image)).all()
    before = file.read_bytes()
    templates.write(["vgmed_demo"], tmp_path)
    assert file.read_bytes() == before


def test_what_cannot_be_asked_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def read(task: str) -> list[Sample]:
        if task == "gone":
            raise DataMissing("it is not here")
        return [sample(1, "What does it look like?")]

    monkeypatch.setattr(templates, "samples_of", read)
    files, missing = templates.write(["gone", "unnamed"], tmp_path)
    assert files == []
    assert missing == [
        "gone cannot be asked under templates: it is not here",
        "unnamed: no box has a known label, so the templates cannot ask about it",
    ]


def test_a_broken_image_costs_its_own_box_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = [sample(number, "Is there a liver in the image?") for number in (1, 2)]
    given.append(given[0].model_copy(update={"uid": "s/9", "images": ["demo:nowhere/1"]}))
    given.append(given[0].model_copy(update={"uid": "s/10", "boxes": [[1.0, float("nan"), 2.0, 3.0]]}))
    monkeypatch.setattr(templates, "samples_of", lambda task: given)
    (file,), missing = templates.write(["t"], tmp_path)
    assert len(file.read_text().splitlines()) == 20
    (said,) = missing
    assert said.startswith("s/9 cannot be asked under templates: demo:nowhere/1 is not an image")


@pytest.mark.parametrize(
    ("task", "kind", "side"),
    [
        ("vgmed_localization", "localization", "medical"),
        ("vgmed_coco_attribute", "attribute", "natural"),
        ("own_templates_vgmed_coco_localization_grounding", "templates", "natural"),
        ("own_templates_vgmed_localization_grounding", "templates", "medical"),
        ("vgmed_demo", "phantom", "phantom"),
        ("demo_calibration", "phantom", "phantom"),
        ("slake_grounded_closed", "answered", "medical"),
        # whatever a user's file is called
        ("own_demo_patients_grounding", "answered", "medical"),
        ("own_vgmed_coco_localization", "answered", "medical"),
    ],
)
def test_kind_and_side_are_those_that_the_task_states(task: str, kind: str, side: str) -> None:
    assert (kind_of(task), side_of(task)) == (kind, side)
