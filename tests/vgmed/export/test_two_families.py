"""A data set that was built runs through two families: as the task `vgmed`, and as own questions. Weights are tiny."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tiny_families
import torch
import vgmed_sources as sources
from asking import question
from PIL import Image

from lmms_vg.datasets import images, own, vgmed
from lmms_vg.datasets.mask_boxes import covered
from lmms_vg.datasets.schema import Sample
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.journal import Journal, Record
from lmms_vg.methods.plain import Plain
from lmms_vg.models import Family
from lmms_vg.vgmed import dataset, questions, rle
from lmms_vg.vgmed.build import build
from lmms_vg.vgmed.export import export


@pytest.fixture(params=["qwen2_5_vl", "internvl"])
def family(request: pytest.FixtureRequest, tmp_path: Path) -> Family:
    return tiny_families.load(request.param, tmp_path / "weights")


@pytest.fixture
def built(tmp_path: Path) -> dataset.BuiltDataset:
    """Three images with a liver and a spleen each, with questions by rules, and no answer that needs a model."""
    rng = np.random.default_rng(0)
    for number in range(3):
        labels = np.zeros((120, 160), np.uint8)
        labels[20:60, 16 : 80 + number] = 1
        labels[30:40, 40:50] = 0
        labels[80:104, 100:120] = 2
        sources.picture(
            tmp_path / "a" / "images" / f"p{number}.png", rng.integers(0, 99, (120, 160), np.uint8) + labels
        )
        sources.picture(tmp_path / "a" / "masks" / f"p{number}.png", labels)
    build([sources.manifest(tmp_path / "a" / "a.yaml")], tmp_path / "built", name="made", seed=0, most=None)
    made = dataset.read(tmp_path / "built")
    return questions.write(made, questions.by_rules(list(made.items.values())), seed=0, k=0)


def answered(family: Family, samples: list[Sample], folder: Path) -> dict[str, Record]:
    """The records of the method `plain`, with the attention to each sample's boxes."""
    asked = [
        question(one.uid, partial(images.open_image, one.images[0]), one.question, boxes=one.boxes, align=True)
        for one in samples
    ]
    answerer = Answerer(family, [MethodRun(Plain(), Journal(folder))], 2)
    with torch.no_grad():
        records = {one.uid: record for one, record in answerer.answer(asked)}
    answerer.close()
    return records


def measured(records: dict[str, Record]) -> Iterator[np.ndarray]:
    for record in records.values():
        assert record.error is None
        assert record.alignment is not None
        yield np.asarray([record.alignment[name] for name in ("ar", "kl", "js")])


def test_as_the_task_vgmed(built: dataset.BuiltDataset, family: Family, data: Path, tmp_path: Path) -> None:
    export(built, built.questions, "vgmed", data / "vgmed")
    samples = [one for kind in ("localization", "attribute") for one in vgmed.load("VGMED", kind)]
    assert len(samples) == len(built.questions) == 12
    records = answered(family, samples, tmp_path / "journal")
    values = np.stack(list(measured(records)))
    assert values.shape == (12, 3, tiny_families.LAYERS)
    assert np.isfinite(values).all()
    assert len({row.tobytes() for row in values}) == 12  # no two questions are measured alike


def test_as_own_questions(
    built: dataset.BuiltDataset, family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = export(built, built.questions, "own", tmp_path / "own")
    assert list(own.check(path)) == []
    monkeypatch.setenv("LMMS_VG_OWN", str(path))
    samples = own.load(path)
    assert len(samples) == 12
    for sample, one in zip(samples, built.questions, strict=True):
        item = built.items[one.item]
        assert (sample.question, sample.group, sample.patient) == (one.text, one.kind, f"a/{item.patient}")
        region = covered([[int(edge) for edge in box] for box in sample.boxes], item.height, item.width)
        assert (region == rle.decode(item.mask)).all()  # the organ itself, with its hole, not the box around it
        shown = np.asarray(Image.open(built.image_path(item)))
        assert (np.asarray(images.open_image(sample.images[0]))[..., 0] == shown).all()
    values = np.stack(list(measured(answered(family, samples, tmp_path / "journal"))))
    assert np.isfinite(values).all()
