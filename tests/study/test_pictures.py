"""Strips of maps: where the map lies on the image, what is framed and hatched, and images that are not there."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from studies import question, run_named, task_of

from lmms_vg.study import image_place
from lmms_vg.study.drawn import shown
from lmms_vg.study.figures import map_panel, strip_figure
from lmms_vg.vision.patch_grid import Geometry

BOXES = ((60.0, 20.0, 110.0, 50.0),)


@pytest.mark.parametrize(
    "geometry",
    [
        Geometry.pad(160, 90, 24, 24),
        Geometry.center_crop(160, 90, 24, 24, 336),
        Geometry.center_crop(160, 90, 8, 8, 64),
        Geometry.stretch(160, 90, 24, 24),
        Geometry.stretch(160, 90, 12, 20),
    ],
)
def test_the_place_of_an_image_is_found_again(geometry: Geometry) -> None:
    grid = geometry.rows, geometry.cols
    asked = question(0, boxes=BOXES, grid=grid)
    object.__setattr__(asked, "mask", geometry.patch_mask(BOXES))
    object.__setattr__(asked, "visible", geometry.visible)
    found = image_place.geometry_of(asked, 160, 90)
    assert found is not None
    numbers = np.arange(grid[0] * grid[1], dtype=float).reshape(grid)
    # Rounding of a crop's size may move patches by a pixel.
    same = np.isclose(found.to_pixels(numbers), geometry.to_pixels(numbers), equal_nan=True)
    assert same.mean() > 0.9


def test_an_unknown_preparation_has_no_place() -> None:
    asked = question(0, boxes=BOXES)
    assert image_place.geometry_of(asked, 160, 90) is None


def test_questions_are_drawn_from_every_third_and_always_the_same() -> None:
    placement = np.linspace(0, 1, 30)[:, None]
    task = task_of(np.ones((30, 1)), placement=placement)
    first = shown(task)
    assert [number // 10 for number in first] == [0, 1, 2]
    assert first == shown(task)
    assert shown(task_of(np.ones((1, 1)), placement=np.ones((1, 1)))) == [0]


class LiftedTask(type(task_of(np.ones((1, 1))))):  # type: ignore[misc]
    """A task with maps of its own."""

    def lift(self, i: int) -> np.ndarray:  # type: ignore[type-arg]
        maps = np.ones((self.layers, 4, 4))
        maps[1, 0, 0] = 0
        return maps


def lifted(method: str, best: int) -> LiftedTask:
    kl = np.full((6, 3), 2.0)
    kl[:, best] = 1.0
    hidden = np.zeros((6, 3), bool)
    hidden[:, 1] = method != "plain"
    task = task_of(kl, run=run_named(method), hidden=hidden, AR=kl, placement=kl / 4)
    return LiftedTask(**vars(task))


def test_a_strip_frames_the_layer_of_each_row_and_writes_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    framed: list[tuple[bool, bool]] = []
    monkeypatch.setattr(strip_figure, "show_map", lambda *args: framed.append(args[4:]))
    monkeypatch.setattr(strip_figure, "opened", lambda _: Image.new("RGB", (8, 4), "red"))
    paths = strip_figure.strip([lifted("plain", 0), lifted("vgrefine", 2)], "q3", tmp_path, "strip")
    assert framed == [(False, True), (False, False), (False, False), (False, False), (True, False), (False, True)]
    rows = list(csv.DictReader(paths[-1].open()))
    assert [row["lowest_kl"] for row in rows] == ["True", "False", "False", "False", "False", "True"]
    assert [float(row["AR"]) for row in rows] == [1, 2, 2, 2, 2, 1]
    assert rows[0]["uid"] == "q3"


def test_a_strip_without_its_image_is_drawn_on_patches(tmp_path: Path) -> None:
    paths = strip_figure.strip([lifted("plain", 0)], "q0", tmp_path, "strip")
    assert [path.suffix for path in paths] == [".png", ".pdf", ".csv"]


def test_images_keep_their_colour_and_hidden_patches_are_hatched() -> None:
    image = Image.new("RGB", (40, 40), (200, 30, 30))
    asked = question(0, boxes=((0.0, 0.0, 20.0, 10.0),))
    lift = np.full((4, 4), 0.5)
    lift[3, 3] = 0
    axis = Figure().subplots()
    map_panel.show_map(axis, asked, image, lift, hidden=True, best=True)
    assert np.asarray(axis.images[0].get_array())[0, 0].tolist() == [200, 30, 30]
    assert axis.images[1].get_clim() == (0, map_panel.TOP)
    heat = np.asarray(axis.images[1].get_array())
    assert (heat[35, 35], heat[0, 0]) == (0, 0.5)
    assert len(axis.collections) == 1
    assert axis.spines["left"].get_edgecolor()[:2] == pytest.approx((1.0, 0.498), abs=0.01)


def test_the_place_that_the_journal_keeps_is_taken() -> None:
    """Where several preparations give the same patches, only it is sure; and it holds for its own size of image only."""
    kept = Geometry.center_crop(160, 90, 24, 24, 336)
    asked = question(0, boxes=BOXES, grid=(24, 24))
    object.__setattr__(asked, "geometry", kept)
    assert image_place.geometry_of(asked, 160, 90) is kept
    assert image_place.geometry_of(asked, 320, 180) is None
