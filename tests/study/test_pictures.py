"""Strips of maps: where the map lies on the image, what is framed and hatched, and images that are not there."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from kept_pictures import PICTURES, TOLERANCE, difference, looks_as_before, without_pdf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from studies import question, run_named, task_of

from lmms_vg.study import image_place
from lmms_vg.study.drawn import shown
from lmms_vg.study.figures import map_panel, own_layer_figure, strip_figure
from lmms_vg.vision.patch_grid import Geometry

BOXES = ((60.0, 20.0, 110.0, 50.0),)


@pytest.fixture(autouse=True)
def png_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    without_pdf(monkeypatch)


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


class SpottedTask(LiftedTask):
    """A bright spot that moves right from layer to layer; the second layer hides a patch if the task hides any."""

    def lift(self, i: int) -> np.ndarray:  # type: ignore[type-arg]
        y, x = np.mgrid[:8, :8]
        maps = [5 * np.exp(-((x - 2 * layer - 1) ** 2 + (y - 4) ** 2) / 4) + 0.1 for layer in range(self.layers)]
        if self.hides.any():
            maps[1][:4, :4] = 0
        return np.array(maps)


def spotted(method: str, best: int, family: str = "huatuo") -> SpottedTask:
    """Six questions on 8 x 8 patches of an image of 64 x 64 pixels."""
    boxes, grid = ((8.0, 24.0, 32.0, 48.0),), (8, 8)
    mask = Geometry.stretch(64, 64, *grid).patch_mask(boxes)
    visible = np.ones(grid, bool)
    asked = [question(i, boxes=boxes, grid=grid, mask=mask, visible=visible) for i in range(6)]
    given = vars(lifted(method, best)) | {"run": run_named(method, family), "model": f"{family} demo"}
    return SpottedTask(**(given | {"questions": tuple(asked), "groups": ("kept",)}))


def shaded() -> Image.Image:
    y, x = np.mgrid[:64, :64]
    return Image.fromarray(np.stack([4 * x, 4 * y, 0 * x + 128], axis=-1).astype(np.uint8))


def test_a_strip_looks_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strip_figure, "opened", lambda _: shaded())
    both = spotted("plain", 0), spotted("vgrefine", 2)
    (picture, *_) = strip_figure.strip(both, "q3", tmp_path, "strip")
    looks_as_before(picture)
    framed = spotted("plain", 2), spotted("vgrefine", 0)
    (other, *_) = strip_figure.strip(framed, "q3", tmp_path / "framed", "strip")
    assert difference(other, PICTURES / picture.name) > 0.5 * TOLERANCE, "another frame is seen"
    with pytest.raises(AssertionError, match="another shape"):
        difference(strip_figure.strip(both[:1], "q3", tmp_path / "one", "strip")[0], PICTURES / picture.name)


def test_own_layers_look_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_layer_figure, "opened", lambda _: shaded())
    models = spotted("plain", 0), spotted("plain", 2, "llava")
    paths = own_layer_figure.draw(models, tmp_path)
    rows = list(csv.DictReader(paths[-1].open()))
    assert [(row["model"], row["layer"]) for row in rows[:2]] == [("huatuo demo", "0"), ("llava demo", "2")]
    looks_as_before(paths[0])
    (other, *_) = own_layer_figure.draw((models[0], spotted("plain", 0, "llava")), tmp_path / "same")
    assert difference(other, PICTURES / paths[0].name) > TOLERANCE, "a model at another layer is seen"


def test_titles_of_nine_models_do_not_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper's figure has nine models, and names as long as HuatuoGPT-Vision-34B."""
    figures: list[Figure] = []
    monkeypatch.setattr(own_layer_figure, "opened", lambda _: shaded())
    monkeypatch.setattr(own_layer_figure, "save", lambda figure, *_: figures.append(figure) or [])
    models = [SpottedTask(**vars(spotted("plain", i % 3)) | {"model": f"HuatuoGPT-Vision-3{i}B"}) for i in range(9)]
    own_layer_figure.draw(models, tmp_path)
    (figure,) = figures
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    titles = [panel.title for panel in figure.axes if panel.title.get_text()]
    assert sum("HuatuoGPT" in title.get_text() for title in titles) == 9 * len(titles) // 12
    boxes = [title.get_window_extent(renderer) for title in titles]
    pictures = [panel.get_window_extent(renderer) for panel in figure.axes if panel.images]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
        assert not any(box.overlaps(picture) for picture in pictures)
