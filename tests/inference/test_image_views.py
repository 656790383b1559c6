"""Maps of all views of an image are kept; what is measured is the first view, as if it were the only one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow.parquet as pq
import pytest
import tiny
import tiny_families
import torch
from asking import GOOD, question

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.session import Rows, Selections, Sessions
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.journal import Journal, Record, further_key
from lmms_vg.journal.map_file import MapIndex
from lmms_vg.journal.map_lines import patches_of
from lmms_vg.methods.plain import Plain
from lmms_vg.runs.kept_maps import TOLERANCE, geometry_of, kept_maps
from lmms_vg.runs.map_export import export_maps

EVERY: Selections = get_args(Rows)
BOX = (10, 10, 60, 70)
WIDTH, HEIGHT = 160, 120


@pytest.mark.parametrize("name", ["internvl", "internvl-thumbnail", "llava_next", "llava_next-fine"])
def test_every_view_has_the_attention_to_its_own_tokens(name: str, tmp_path: Path) -> None:
    """Against a pass of its own: tokens are counted view after view, and line breaks and further images are none."""
    family = tiny_families.load(name, tmp_path / name)
    picture, second = tiny.picture(1, WIDTH, HEIGHT), tiny.picture(2, 90, 200)
    asked = question("q", picture, second, GOOD, boxes=[[*BOX]], align=True)
    folder = tmp_path / "journal"
    with closing(Answerer(family, [MethodRun(Plain(), Journal(folder))], 1, EVERY)) as answerer, torch.no_grad():
        ((_, record),) = answerer.answer([asked])
        prompt = answerer.prompt(asked)
        batch = Batch.open(Sessions(family, sums=True), [prompt], [prompt])
        every = {rows: torch.stack([*batch.unedited.maps(rows).values()])[:, 0].mean(1).numpy() for rows in EVERY}
    index, start = MapIndex.of(folder), 0
    assert len(family.views(WIDTH, HEIGHT)) == 2
    for number, view in enumerate(family.views(WIDTH, HEIGHT)):
        size = view.rows * view.cols
        for rows in EVERY:
            place = index.question(record.key, rows, number)
            assert place is not None
            assert place.line.question is not None
            assert (place.line.question.rows, place.line.question.view) == (rows, number)
            (maps,) = index.maps([place])
            assert maps is not None
            np.testing.assert_allclose(maps.restored(), every[rows][:, start : start + size], rtol=2e-3)
            np.testing.assert_allclose(maps.share, every[rows].sum(axis=1), rtol=1e-4)
            mask, visible = (
                patches_of(packed, (view.rows, view.cols))
                for packed in (place.line.question.mask, place.line.question.visible)
            )
            np.testing.assert_array_equal(mask, view.patch_mask([BOX]))
            np.testing.assert_array_equal(visible, view.visible)
            assert geometry_of(place.line) == view
            assert index.reference(place).line.grid == (view.rows, view.cols)
        start += size
    assert index.question(record.key, "last", 2) is None
    assert start < every["last"].shape[1], "the second image is behind"


def asked_alone(folder: Path, name: str, rows: Selections) -> Record:
    family = tiny_families.load(name, folder / "checkpoint")
    one = question("q", tiny.picture(1, WIDTH, HEIGHT), GOOD, boxes=[[*BOX]], align=True)
    with closing(Answerer(family, [MethodRun(Plain(), Journal(folder / "j"))], 1, rows)) as answerer, torch.no_grad():
        ((_, record),) = answerer.answer([one])
    return record


def test_the_views_of_an_image_are_exported_and_read(tmp_path: Path) -> None:
    record = asked_alone(tmp_path, "llava_next", ("last", "all"))
    assert record.alignment is not None
    layers = len(record.alignment["kl"])
    parts = [("last", 0), ("last", 1), ("all", 0), ("all", 1)]
    assert MapIndex.of(tmp_path / "j").further == {record.key: parts[1:]}
    assert further_key("k", "all", 1) == "k+all+view1"
    export_maps([tmp_path / "j"], tmp_path / "maps.parquet")
    rows = pq.read_table(tmp_path / "maps.parquet").to_pylist()
    assert [(row["rows"], row["view"]) for row in rows[::layers]] == parts
    for row in rows:
        stated = record.alignment_of(None if row["rows"] == "last" else "all")
        assert stated is not None
        assert row["kl"] == (None if row["view"] else stated["kl"][row["layer"]])
    for selection, view in parts:
        (kept,) = kept_maps(tmp_path / "j", [record], rows=selection, view=view)
        ar = kept.maps[0][:, kept.masks[0]].mean(axis=1) / kept.maps[0].mean(axis=1)
        stated = record.alignment_of(None if selection == "last" else selection)
        assert stated is not None
        if view == 0:
            assert ar == pytest.approx(stated["ar"], rel=TOLERANCE)
        else:
            assert ar != pytest.approx(stated["ar"], rel=TOLERANCE), "other patches"
