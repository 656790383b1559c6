"""The patch grid: boxes, masks and maps against values worked out by hand and against real image processors."""

from __future__ import annotations

import doctest
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers import CLIPImageProcessor

from lmms_vg._util.error_codes import BadBox
from lmms_vg.vision import patch_grid
from lmms_vg.vision.patch_grid import Geometry

SIZE, GRID = 336, 24  # CLIP ViT-L/14-336
KINDS = {
    "pad": Geometry.pad,
    "stretch": Geometry.stretch,
    "center_crop": lambda width, height, rows, cols: Geometry.center_crop(width, height, rows, cols, size=SIZE),
}


def make(kind: str, width: int, height: int, grid: int = GRID) -> Geometry:
    return KINDS[kind](width, height, grid, grid)


def block(rows: slice, cols: slice, grid: int = GRID) -> np.ndarray:
    mask = np.zeros((grid, grid), dtype=bool)
    mask[rows, cols] = True
    return mask


# Worked out by hand. One patch is 640/24 = 26.67 px (pad), 640/24 x 480/24 = 26.67 x 20 px (stretch), 20 px (crop).
HAND = [
    ("pad", (640, 480), (0, 0, 640, 480), slice(3, 21), slice(0, 24)),
    ("pad", (640, 480), (100, 100, 200, 200), slice(6, 11), slice(3, 8)),  # y 180..280 of 640
    ("stretch", (640, 480), (100, 100, 200, 200), slice(5, 10), slice(3, 8)),  # y edges exactly on patch edges
    ("center_crop", (640, 480), (100, 100, 200, 200), slice(5, 10), slice(1, 6)),  # x 80 is the first pixel seen
    ("center_crop", (640, 480), (0, 0, 640, 480), slice(0, 24), slice(0, 24)),
    ("pad", (480, 800), (0, 0, 100, 100), slice(0, 3), slice(4, 8)),  # x 160..260 of 800; y 100 is edge 3
    ("center_crop", (480, 800), (0, 160, 20, 640), slice(0, 24), slice(0, 1)),
    ("center_crop", (480, 800), (0, 0, 20, 181), slice(0, 2), slice(0, 1)),
    ("pad", (1024, 512), (512, 0, 1024, 128), slice(6, 9), slice(12, 24)),  # all four on edges
    ("stretch", (1024, 512), (512, 0, 1024, 128), slice(0, 6), slice(12, 24)),  # no patch in common with the true ones
    ("center_crop", (1024, 512), (0, 0, 256, 512), slice(0, 0), slice(0, 0)),  # wholly cropped away
    ("center_crop", (1024, 512), (0, 0, 257, 512), slice(0, 24), slice(0, 1)),
    ("center_crop", (1024, 512), (768, 0, 1024, 512), slice(0, 0), slice(0, 0)),
    ("pad", (1, 1), (0, 0, 1, 1), slice(0, 24), slice(0, 24)),
    ("center_crop", (1, 1), (0, 0, 0.5, 1), slice(0, 24), slice(0, 12)),
    ("pad", (2, 1), (0, 0, 2, 1), slice(0, 12), slice(0, 24)),  # an odd pixel of padding goes below
    ("stretch", (480, 480), (-50, -50, 20, 20.5), slice(0, 2), slice(0, 1)),  # partly outside
    ("stretch", (480, 480), (459.5, 470, 999, 1e300), slice(23, 24), slice(22, 24)),
    ("pad", (1024, 512), (0, -100, 42, 10), slice(6, 7), slice(0, 1)),  # clipped to the image, not to the padding
    ("pad", (512, 1024), (-100, 0, 10, 42), slice(0, 1), slice(6, 7)),
    ("pad", (20000, 10), (0, 0, 20000, 10), slice(11, 13), slice(0, 24)),
    ("center_crop", (20000, 10), (0, 0, 20000, 10), slice(0, 24), slice(0, 24)),
    ("center_crop", (20000, 10), (0, 0, 9995, 10), slice(0, 0), slice(0, 0)),
]


@pytest.mark.parametrize(("kind", "image", "box", "rows", "cols"), HAND)
def test_patch_mask_by_hand(kind, image, box, rows, cols):
    np.testing.assert_array_equal(make(kind, *image).patch_mask([box]), block(rows, cols))


def test_patch_mask_is_the_union_and_empty_without_boxes():
    stretch = make("stretch", 240, 240)
    boxes = np.array([[0, 0, 10, 10], [0, 0, 20, 10], [230, 230, 240, 240]])
    expected = block(slice(0, 1), slice(0, 2)) | block(slice(23, 24), slice(23, 24))
    np.testing.assert_array_equal(stretch.patch_mask(boxes), expected)
    assert not stretch.patch_mask([]).any()


def test_rows_and_cols_are_not_mixed_up():
    tall = Geometry.stretch(20, 100, rows=10, cols=4)
    assert (tall.width, tall.height, tall.rows, tall.cols) == (20, 100, 10, 4)
    np.testing.assert_array_equal(np.argwhere(tall.patch_mask([(5, 70, 10, 80)])), [[7, 1]])
    assert tall.patch_box(7, 1) == (5.0, 70.0, 10.0, 80.0)


def test_float_noise_at_a_patch_edge_takes_no_further_patch():
    unit = make("stretch", GRID, GRID)  # one pixel is one patch
    noisy = (np.nextafter(3, 0), np.nextafter(5, 0), np.nextafter(7, 9), np.nextafter(6, 9))
    np.testing.assert_array_equal(unit.patch_mask([noisy]), block(slice(5, 6), slice(3, 7)))
    # ... but an overlap larger than noise counts, and a box thinner than noise still lies in one patch.
    np.testing.assert_array_equal(unit.patch_mask([(3 - 1e-6, 5, 7, 6)]), block(slice(5, 6), slice(2, 7)))
    for low, high, col in [(np.nextafter(24, 0), 24, 23), (np.nextafter(5, 0), np.nextafter(5, 9), 5)]:
        thin = unit.patch_mask([(low, 5, high, 6)])
        np.testing.assert_array_equal(thin, block(slice(5, 6), slice(col, col + 1)))


@pytest.mark.parametrize(
    ("box", "says"),
    [
        ((1, 2, 3), "four finite numbers"),
        ((1, 2, 3, float("nan")), "four finite numbers"),
        ((1, 2, 3, float("inf")), "four finite numbers"),
        (("1", "2", "3", "4"), "four finite numbers"),
        (((1, 2), 3, 4, 5), "four finite numbers"),
        (None, "four finite numbers"),
        (7, "four finite numbers"),
        ((30, 10, 20, 40), "empty or inverted"),
        ((10, 40, 20, 30), "empty or inverted"),
        ((10, 10, 10, 40), "empty or inverted"),
        ((100, 0, 120, 10), "outside the image of 100 x 50 pixels"),
        ((0, 50, 10, 60), "outside the image of 100 x 50 pixels"),
        ((-10, 0, 0, 10), "outside the image of 100 x 50 pixels"),
        ((0, -10, 10, 0), "outside the image of 100 x 50 pixels"),
    ],
)
def test_a_bad_box_is_named_with_what_is_wrong(box, says):
    with pytest.raises(BadBox, match=f"^{re.escape(f'box {box!r}')}.*{says}"):
        make("pad", 100, 50).patch_mask([(0, 0, 10, 10), box])


@pytest.mark.parametrize("bad", [0, -1, 2.5])
def test_lengths_must_be_positive_integers(bad):
    with pytest.raises(ValueError, match=f"height must be a positive integer, got {bad}"):
        Geometry.pad(10, bad, 2, 2)
    with pytest.raises(ValueError, match=f"size must be a positive integer, got {bad}"):
        Geometry.center_crop(10, 10, 2, 2, size=bad)


def really_processed(kind: str, mask: np.ndarray) -> np.ndarray:
    """Mean brightness, (rows, cols), of each patch of the model's input if `mask` is painted white on black."""
    image = Image.fromarray(mask.astype(np.uint8) * 255).convert("RGB")
    if kind == "pad":
        square = Image.new("RGB", (max(image.size),) * 2)
        square.paste(image, ((square.width - image.width) // 2, (square.height - image.height) // 2))
        image = square
    processor = CLIPImageProcessor(
        size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}, do_normalize=False
    )
    pixels = processor(image, return_tensors="pt")["pixel_values"][0].numpy().mean(axis=0)
    return pixels.reshape(GRID, SIZE // GRID, GRID, SIZE // GRID).mean(axis=(1, 3))


IMAGES = [(640, 480), (480, 800), (1024, 512), (335, 337), (501, 348), (61, 1000)]  # 501 x 348: an odd number to crop


@pytest.mark.parametrize("kind", ["pad", "center_crop"])
@pytest.mark.parametrize("image", IMAGES)
def test_coverage_is_what_the_real_image_processor_shows(kind, image):
    width, height = image
    rng = np.random.default_rng(width)
    real = make(kind, width, height)
    for _ in range(4):
        mask = np.zeros((height, width), dtype=bool)
        (x1, x2), (y1, y2) = (np.sort(rng.choice(length + 1, 2, replace=False)) for length in image)
        mask[y1:y2, x1:x2] = True
        shown = really_processed(kind, mask)
        np.testing.assert_allclose(real.mask_of_pixels(mask), shown, atol=0.04)  # bicubic blurs an edge a little
        assert real.patch_mask([(x1, y1, x2, y2)])[shown > 0.1].all()


@pytest.mark.parametrize("kind", ["pad", "center_crop"])
@pytest.mark.parametrize("image", [(640, 480), (480, 800), (1024, 512), (500, 347)])
def test_painting_a_patch_lights_up_that_patch(kind, image):
    real = make(kind, *image)
    for row, col in [(12, 12), (7, 9), (15, 16)]:
        x1, y1, x2, y2 = (round(edge) for edge in real.patch_box(row, col))
        mask = np.zeros(image[::-1], dtype=bool)
        mask[y1:y2, x1:x2] = True
        shown = really_processed(kind, mask)
        assert np.unravel_index(shown.argmax(), shown.shape) == (row, col)
        assert shown[row, col] > 0.85
        assert np.partition(shown.ravel(), -2)[-2] < 0.15


LENGTHS = st.one_of(st.integers(1, 3000), st.sampled_from([1, 20000]))


@given(st.sampled_from(sorted(KINDS)), LENGTHS, LENGTHS, st.integers(1, 40), st.data())
def test_the_box_of_a_patch_is_exactly_that_patch(kind, width, height, grid, data):
    tested = make(kind, width, height, grid)
    row, col = data.draw(st.integers(0, grid - 1)), data.draw(st.integers(0, grid - 1))
    x1, y1, x2, y2 = box = tested.patch_box(row, col)
    if x1 < width and y1 < height and x2 > 0 and y2 > 0:
        np.testing.assert_array_equal(np.argwhere(tested.patch_mask([box])), [[row, col]])
    else:
        assert kind == "pad"  # only padding lies outside the image
        with pytest.raises(ValueError, match="outside"):
            tested.patch_mask([box])


@given(st.sampled_from(sorted(KINDS)), st.integers(1, 90), st.integers(1, 90), st.integers(1, 24), st.data())
def test_a_box_touches_the_patches_its_pixels_cover(kind, width, height, grid, data):
    tested = make(kind, width, height, grid)
    x1, y1 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x2, y2 = data.draw(st.integers(x1 + 1, width)), data.draw(st.integers(y1 + 1, height))
    mask = np.zeros((height, width), dtype=bool)
    mask[y1:y2, x1:x2] = True
    coverage = tested.mask_of_pixels(mask)
    np.testing.assert_array_equal(tested.patch_mask([(x1, y1, x2, y2)]), coverage > 1e-12)
    left, top, right, bottom = tested.patch_box(0, 0)
    if kind != "center_crop":  # nothing is lost
        assert coverage.sum() * (right - left) * (bottom - top) == pytest.approx(mask.sum())
    assert coverage.max() <= 1 + 1e-9


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("image", [(30, 20), (17, 41), (1, 1), (64, 3)])
def test_to_pixels_looks_up_the_patch_under_each_pixels_centre(kind, image):
    width, height = image
    tested = make(kind, width, height, grid=5)
    patch_map = np.random.default_rng(0).random((5, 5))
    expected = np.full((height, width), np.nan)
    for row, col in np.ndindex(5, 5):
        x1, y1, x2, y2 = tested.patch_box(row, col)
        for y, x in np.ndindex(height, width):
            if x1 <= x + 0.5 < x2 and y1 <= y + 0.5 < y2:
                expected[y, x] = patch_map[row, col]
    np.testing.assert_array_equal(tested.to_pixels(patch_map), expected)
    assert np.isnan(expected).any() == (kind == "center_crop" and width != height)


def test_extreme_shapes_map_back():
    pixels = make("center_crop", 20000, 10).to_pixels(np.ones((GRID, GRID)))
    assert pixels.shape == (10, 20000)
    assert np.flatnonzero(np.isfinite(pixels).all(axis=0)).tolist() == list(range(9995, 10005))
    assert np.isfinite(make("pad", 20000, 10).to_pixels(np.ones((GRID, GRID)))).all()


def test_arrays_of_another_shape_are_refused():
    wide = make("pad", 30, 20, grid=5)
    with pytest.raises(ValueError, match=re.escape("(5, 5), got (25,)")):
        wide.to_pixels(np.zeros(25))
    with pytest.raises(ValueError, match=re.escape("(20, 30), got (30, 20)")):
        wide.mask_of_pixels(np.zeros((30, 20)))


def test_stretch_is_true_for_square_images_only():
    boxes = np.random.default_rng(0).uniform(0, 0.8, (200, 2))
    ious = {}
    for width, height in [(512, 512), (640, 480), (1024, 512)]:
        true, stretched = make("pad", width, height), make("stretch", width, height)
        values = []
        for x, y in boxes * (width, height):
            box = (x, y, x + 0.2 * width, y + 0.2 * height)
            a, b = true.patch_mask([box]), stretched.patch_mask([box])
            values.append((a & b).sum() / (a | b).sum())
        ious[width] = np.mean(values)
    assert ious[512] == 1
    assert 0.5 < ious[640] < 0.7
    assert 0.2 < ious[1024] < 0.4


def test_docstring_examples():
    assert doctest.testmod(patch_grid) == (0, 3)
