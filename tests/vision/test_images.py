"""One rule for all images: compared with numpy by hand, and with the same picture stored in other ways."""

from __future__ import annotations

import random
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageFile
from png import png
from tiff import WHITE_IS_ZERO, tiff

from lmms_vg._util.error_codes import BadImage
from lmms_vg.vision.images import BYTES_PER_PIXEL, MAX_BYTES, open_picture, open_rgb, pad_to_square

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 4096, (37, 53))
PICTURE[0, :2] = 0, 4095


def by_hand(values: np.ndarray) -> np.ndarray:
    """Scale linearly from 0 (darkest) to 255 (brightest); halves round to even, as in numpy and Python."""
    low, high = int(values.min()), int(values.max())
    exact = [[255 * (int(value) - low) / (high - low) for value in row] for row in values]
    return np.array([[round(value) for value in row] for row in exact], dtype=np.uint8)


def grey(data: bytes | Image.Image) -> np.ndarray:
    """The single channel of an opened image, which must be grey."""
    rgb = np.asarray(open_rgb(data if isinstance(data, Image.Image) else BytesIO(data)))
    assert rgb.dtype == np.uint8
    assert rgb.shape[2] == 3
    assert (rgb == rgb[..., :1]).all()
    return rgb[..., 0]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


#: Number types of TIFF that PIL opens.
DEEP = ["<u2", ">u2", "<i2", ">i2", "<u4", "<i4", ">i4", "<f4", ">f4"]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", DEEP)
def test_one_picture_in_every_number_type(kind: str, packed: bool) -> None:
    assert (grey(tiff(PICTURE.astype(kind), packed=packed)) == by_hand(PICTURE)).all()


@pytest.mark.parametrize(
    ("kind", "of_picture"),
    [
        ("<u2", lambda values: 4095 - values),
        ("<f4", lambda values: 4095 - values),
        ("<f4", lambda values: -values / 4096),
        (">f4", lambda values: 1 - values),
    ],
)
def test_white_is_zero(kind: str, of_picture: object) -> None:
    stored = of_picture(PICTURE).astype(kind)  # type: ignore[operator]
    for packed in (False, True):
        assert (grey(tiff(stored, WHITE_IS_ZERO, packed)) == by_hand(PICTURE)).all()


@pytest.mark.parametrize("packed", [False, True])
def test_white_is_zero_of_8_bits_and_of_one(packed: bool) -> None:
    """Such images are inverted, and not stretched."""
    small = RNG.integers(20, 90, (9, 11), dtype=np.uint8)
    assert (grey(tiff(255 - small, WHITE_IS_ZERO, packed)) == small).all()
    assert (grey(tiff(small, packed=packed)) == small).all()
    bit = (small > 50).astype(np.uint8)
    assert (grey(tiff(bit, packed=packed, bits=1)) == 255 * bit).all()
    assert (grey(tiff(1 - bit, WHITE_IS_ZERO, packed, bits=1)) == 255 * bit).all()


@pytest.mark.parametrize(
    ("kind", "scale", "offset"),
    [
        ("<f4", 1 / 4096, 0),  # 0 to 1
        ("<f4", 2.0**-40, 0),  # far narrower than 1
        ("<f4", 2.0**-12, 300),  # narrower than 1, above 255
        ("<f4", 2.0**100, 0),
        ("<f4", 1, -1024),  # Hounsfield units
        ("<i2", 1, -1024),
        ("<i4", 500_000, -(2**30)),
        ("<u4", 2**20, 0),  # above 2**31, where PIL sees negative numbers
        ("<u2", 16, 0),  # 12 bits in the upper part of 16
    ],
)
def test_neither_scale_nor_offset_matters(kind: str, scale: float, offset: float) -> None:
    assert (grey(tiff((PICTURE * scale + offset).astype(kind))) == by_hand(PICTURE)).all()


@pytest.mark.parametrize("kind", ["<u2", "<i4", "<f4"])
def test_few_values_are_stretched_and_one_is_black(kind: str) -> None:
    assert grey(tiff(np.array([[0, 1, 1, 0]], kind))).tolist() == [[0, 255, 255, 0]]
    assert grey(tiff(np.array([[1000, 1001, 1003]], kind))).tolist() == [[0, 85, 255]]
    assert grey(tiff(np.array([[7, 7]], kind))).tolist() == [[0, 0]]


def test_signed_bytes_are_signed() -> None:
    assert grey(tiff(np.array([[-128, 0, 127]], "i1"))).tolist() == [[0, 128, 255]]


def test_deep_grey_of_png_pgm_jpeg2000_and_memory_is_that_of_tiff() -> None:
    deep = Image.fromarray(PICTURE.astype(np.uint16))
    for data in (encoded(deep, "PNG"), encoded(deep, "PPM"), encoded(deep, "JPEG2000", irreversible=False)):
        assert (grey(data) == by_hand(PICTURE)).all()
    assert (grey(Image.fromarray(PICTURE.astype(np.int32))) == by_hand(PICTURE)).all()
    assert (grey(Image.fromarray(PICTURE.astype(np.float32))) == by_hand(PICTURE)).all()


@settings(max_examples=60, deadline=None)
@given(
    values=arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 2**14)),
    power=st.integers(-20, 3),
    offset=st.integers(-(2**9), 2**9),
)
def test_any_picture_is_the_same_under_any_scale(values: np.ndarray, power: int, offset: int) -> None:
    """All numbers here are exact in float32, so pixels must be equal, not just close."""
    stored = (values + offset) * 2.0**power
    expected = by_hand(values) if values.min() < values.max() else np.zeros(values.shape)
    assert (grey(tiff(stored.astype("<f4"))) == expected).all()
    assert (grey(tiff(-stored.astype("<f4"), WHITE_IS_ZERO)) == expected).all()
    assert (grey(tiff((values + offset).astype("<i4"))) == expected).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_without_a_number_are_refused_and_counted(bad: float) -> None:
    values = PICTURE.astype(np.float32)
    values[3, 4:6] = bad
    with pytest.raises(BadImage, match=rf"2 NaN or infinite pixels of {PICTURE.size:,}"):
        open_rgb(BytesIO(tiff(values)))


def test_8_bit_images_keep_every_bit() -> None:
    """The expected colours are those the file was made from, not those of PIL's conversions."""
    small = RNG.integers(30, 200, (9, 11, 3), dtype=np.uint8)
    plain, alpha = Image.fromarray(small), Image.fromarray(RNG.integers(0, 256, (9, 11), dtype=np.uint8))
    level = Image.fromarray(small[..., 0])
    for image in (plain, Image.merge("RGBA", [*plain.split(), alpha])):
        for data in (encoded(image, "PNG"), encoded(image, "TIFF"), encoded(image, "WEBP", lossless=True, exact=True)):
            assert (np.asarray(open_rgb(BytesIO(data))) == small).all()
        assert (np.asarray(open_rgb(image)) == small).all()
    for image in (level, Image.merge("LA", [level, alpha])):
        assert (grey(encoded(image, "PNG")) == small[..., 0]).all()
        assert (grey(image) == small[..., 0]).all()
    colours = small.reshape(-1, 3)[:90]
    palette = Image.fromarray(np.arange(90, dtype=np.uint8).reshape(9, 10), "L").convert("P")
    palette.putpalette(colours.tobytes())
    for options in ({}, {"transparency": 3}, {"transparency": bytes(range(90))}):
        data = encoded(palette, "PNG", **options)
        assert (np.asarray(open_rgb(BytesIO(data))).reshape(-1, 3) == colours).all()


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "1", "RGBX"])
def test_other_modes_are_as_pil_converts_them(mode: str) -> None:
    image = Image.fromarray(RNG.integers(0, 256, (9, 11, 3), dtype=np.uint8)).convert(mode)
    assert open_rgb(image).tobytes() == image.convert("RGB").tobytes()


def test_colours_multiplied_by_alpha_are_divided_again() -> None:
    colour = Image.new("RGBA", (3, 2), (200, 100, 50, 128))
    assert np.abs(np.asarray(open_rgb(colour.convert("RGBa"))).astype(int) - (200, 100, 50)).max() <= 1
    assert abs(int(grey(Image.new("LA", (3, 2), (200, 128)).convert("La"))[0, 0]) - 200) <= 1


def test_hash_is_that_of_size_and_pixels() -> None:
    """The hash is the same in strips and at once; journals of older versions contain it."""
    import hashlib

    image = Image.fromarray(RNG.integers(0, 256, (2300, 1000, 3), dtype=np.uint8))
    assert open_picture(image).hash == hashlib.sha256(b"1000x2300;" + image.tobytes()).hexdigest()
    assert open_rgb(image) is image, "nothing to do is no copy"


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_image_without_a_pixel(size: tuple[int, int]) -> None:
    for mode in ("RGB", "L", "F", "P"):
        with pytest.raises(BadImage, match=f"image of {size[0]} x {size[1]} pixels"):
            open_picture(Image.new(mode, size))


def test_formats_that_are_not_read_are_named(tmp_path: Path) -> None:
    """The header of an icon does not bound its contents, and Ghostscript would run an EPS."""
    icon = encoded(Image.new("RGB", (16, 16)), "ICO")
    with pytest.raises(BadImage, match=r"not an image of a format that is read: AVIF, .*TIFF, WEBP$"):
        open_rgb(BytesIO(icon))
    with pytest.raises(BadImage, match="image format ICO"):
        open_rgb(Image.open(BytesIO(icon)))
    with pytest.raises(BadImage, match=rf"{tmp_path} cannot be read \(Is a directory\)"):
        open_rgb(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "colour"), [(1, 0), (8, 0), (16, 0), (8, 6), (16, 4)])
def test_size_is_refused_before_decoding(depth: int, colour: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = png(13_377, 13_377, depth, colour)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("decoded"))
    with pytest.raises(BadImage, match=r"image of 13377 x 13377 pixels: .* 2,50[0-9] MB, at most 500 MB"):
        open_rgb(BytesIO(data))


def test_bytes_of_the_file_count_where_they_are_in_memory() -> None:
    small = encoded(Image.new("RGB", (4, 4)), "PNG")
    assert open_rgb(BytesIO(small + bytes(10))).size == (4, 4)

    class Long(BytesIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            return MAX_BYTES if whence == 2 else super().seek(offset, whence)

    with pytest.raises(BadImage, match=r"image of 4 x 4 pixels: it would take up to 500 MB"):
        open_rgb(Long(small))


def test_padding() -> None:
    assert pad_to_square(Image.new("RGB", (5, 3)), (1, 2, 3)).size == (5, 5)


FUZZED = [
    ("PNG", Image.fromarray(PICTURE.astype(np.uint16)), {}),
    ("PNG", Image.fromarray(PICTURE.astype(np.uint8)).convert("P"), {"transparency": 3}),
    ("JPEG", Image.fromarray(PICTURE.astype(np.uint8)), {"progressive": True}),
    ("JPEG", Image.fromarray(PICTURE.astype(np.uint8)).convert("CMYK"), {}),
    ("TIFF", Image.fromarray(PICTURE.astype(np.float32)), {"compression": "tiff_lzw"}),
    ("TIFF", Image.fromarray(PICTURE.astype(np.uint8)).convert("1"), {"compression": "group4"}),
    ("TIFF", Image.fromarray(PICTURE.astype(np.int32)), {}),
    ("GIF", Image.fromarray(PICTURE.astype(np.uint8)), {"save_all": True, "append_images": [Image.new("L", (53, 37))]}),
    ("BMP", Image.fromarray(PICTURE.astype(np.uint8)).convert("RGB"), {}),
    ("WEBP", Image.fromarray(PICTURE.astype(np.uint8)).convert("RGBA"), {"lossless": True}),
    ("JPEG2000", Image.fromarray(PICTURE.astype(np.uint8)), {}),
    ("PPM", Image.fromarray(PICTURE.astype(np.uint8)), {}),
]


@pytest.mark.filterwarnings("ignore::UserWarning")  # PIL warns about tags that it skips
@pytest.mark.parametrize("number", range(len(FUZZED)))
def test_damaged_files_give_an_image_or_one_clear_error(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are cut short or have changed bytes, mostly in the header; no decoder's exception may escape."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as lmms-eval sets it
    kind, image, options = FUZZED[number]
    data, draw = encoded(image, kind, **options), random.Random(number)
    messages: list[str] = []
    for turn in range(50):
        damaged = bytearray(data[: draw.randrange(1, len(data))] if turn % 3 == 0 else data)
        for _ in range(draw.choice([1, 1, 4, 30])):
            damaged[int(len(damaged) * draw.random() ** 3)] = draw.randrange(256)
        try:
            assert open_picture(open_rgb(BytesIO(damaged))).rgb.mode == "RGB"
        except BadImage as problem:
            messages.append(str(problem))
    assert messages, "nothing was damaged"
    assert not any(" at 0x" in message for message in messages), "addresses differ in every run"
    assert open_rgb(BytesIO(data)).size == image.size


def test_every_format_has_a_price() -> None:
    assert {kind for kind, _, _ in FUZZED} <= BYTES_PER_PIXEL.keys()
    assert max(BYTES_PER_PIXEL.values()) * 20_000_000 <= MAX_BYTES


class Slow(Image.Image):
    """An image whose decoding waits for `go_on` and then notes PIL's switch; later it is loaded again, without effect."""

    def __init__(self, begun: threading.Event, go_on: threading.Event) -> None:
        super().__init__()
        drawn = tiny.picture(1)
        self.im, self._mode, self._size = drawn.im, drawn.mode, drawn.size
        self._begun, self._go_on, self.fills = begun, go_on, list[bool]()

    def load(self) -> Any:
        self._begun.set()
        assert self._go_on.wait(30)
        self.fills.append(ImageFile.LOAD_TRUNCATED_IMAGES)
        return super().load()


def test_two_threads_decode_whole_images_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ends while the second decodes, and restores PIL's switch, which is one for all threads."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    first_begun, second_begun, first_may, second_may = (threading.Event() for _ in range(4))
    first, second = Slow(first_begun, first_may), Slow(second_begun, second_may)
    one, two = (threading.Thread(target=open_rgb, args=(image,), daemon=True) for image in (first, second))
    one.start()
    assert first_begun.wait(30)
    two.start()
    second_begun.wait(0.2)  # where nothing holds it back
    first_may.set()
    one.join(30)
    second_may.set()
    two.join(30)
    assert (first.fills[0], second.fills[0], ImageFile.LOAD_TRUNCATED_IMAGES) == (False, False, True)
