"""Near copies: the same picture saved again is found across sources, another picture is not."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import vgmed_sources as sources
from PIL import Image
from scipy import ndimage

from lmms_vg.vgmed.build import build
from lmms_vg.vgmed.dataset import read
from lmms_vg.vgmed.near_copies import MOST, NearCopies, difference_hash


def scan(seed: int) -> Image.Image:
    """A smooth picture, unlike that of any other seed."""
    noise = np.random.default_rng(seed).standard_normal((160, 200))
    smooth = ndimage.gaussian_filter(noise, 9)
    return Image.fromarray((255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8))


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def distance(first: Image.Image, second: Image.Image) -> int:
    """Number of different bits, counted one by one."""
    pairs = zip(difference_hash(first), difference_hash(second), strict=True)
    return sum((a ^ b).bit_count() for a, b in pairs)


def test_the_bits_by_hand() -> None:
    """A picture of 17 x 16 is its own small one: brighter to the right in the upper half, darker in the lower."""
    ramp = np.tile(np.arange(17, dtype=np.uint8) * 10, (16, 1))
    ramp[8:] = ramp[8:, ::-1]
    assert difference_hash(Image.fromarray(ramp)) == b"\xff" * 16 + b"\x00" * 16


@pytest.mark.parametrize("seed", range(4))
def test_copies_differ_in_few_bits_and_other_pictures_in_many(seed: int) -> None:
    image = scan(seed)
    for copy in (
        as_jpeg(image, 75),
        as_jpeg(image, 50),
        image.resize((100, 80)),
        image.convert("RGB").resize((224, 224)),
    ):
        assert distance(image, copy) <= MOST
    assert all(distance(image, scan(other)) > 4 * MOST for other in range(10, 20))


def test_no_two_real_images_are_near_copies_and_each_is_of_its_jpeg(shared_data: Path) -> None:
    paths = sorted((shared_data / "vqa_rad" / "VQA_RAD Image Folder").glob("*.jpg"))
    hashes = [difference_hash(Image.open(path)) for path in paths]
    bits = np.unpackbits(np.array([np.frombuffer(one, np.uint8) for one in hashes]), axis=1).astype(int)
    apart = (bits[:, None] != bits[None]).sum(axis=2)[np.triu_indices(len(bits), 1)]
    assert len(apart) > 10_000
    assert apart.min() > MOST
    for path in paths[::20]:
        assert distance(Image.open(path), as_jpeg(Image.open(path).convert("RGB"), 75)) <= MOST


def test_the_first_of_another_source_is_found_among_many() -> None:
    copies = NearCopies()
    rng = np.random.default_rng(0)
    hashes = [rng.bytes(32) for _ in range(300)]
    for number, one in enumerate(hashes):
        copies.add("a", one, f"a{number}")
    near = bytearray(hashes[200])
    near[0] ^= 0xFF
    near[1] ^= 0b1111111  # 15 bits
    copies.add("b", bytes(near), "b0")
    assert copies.find("b", bytes(near)) == ("a", "a200")
    assert copies.find("a", hashes[200]) == ("b", "b0")
    assert copies.find("a", hashes[7]) is None, "its own source is not looked at"
    near[2] ^= 1
    assert copies.find("b", bytes(near)) is None, "16 bits are too many"


def test_an_image_with_nothing_on_it_is_nobodys_copy() -> None:
    copies = NearCopies()
    black = difference_hash(Image.new("L", (64, 64)))
    copies.add("a", black, "a0")
    assert copies.find("b", black) is None


def test_a_near_copy_of_another_source_is_left_out_counted_and_named(tmp_path: Path) -> None:
    mask = np.zeros((160, 200), np.uint8)
    mask[20:60, 30:90] = 1
    for name, seeds in (("a", (0, 1)), ("b", (1, 2))):
        for seed in seeds:
            path = tmp_path / name / "images" / f"p{seed}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            (scan(seed) if name == "a" else as_jpeg(scan(seed), 75)).save(path)
            sources.picture(tmp_path / name / "masks" / f"p{seed}.png", mask)
    manifests = [sources.manifest(tmp_path / name / f"{name}.yaml") for name in "ab"]
    for out, order in (("ab", manifests), ("ba", manifests[::-1])):
        _, tallies = build(order, tmp_path / out, name="made", seed=0, most=None)
        first, second = out
        assert tallies[first].dropped == {}
        assert tallies[second].dropped == {f"nearly the same image as in {first}": 1}
        assert tallies[second].problems == [
            f"images/p1.png: nearly the same image as {first} images/p1.png; only the first is used"
        ]
        made = read(tmp_path / out)
        assert sorted((item.source, item.origin) for item in made.items.values()) == sorted(
            [(first, f"images/p{seed}.png") for seed in ((0, 1) if first == "a" else (1, 2))]
            + [(second, "images/p2.png" if second == "b" else "images/p0.png")]
        )
        assert len(list((tmp_path / out / "images").iterdir())) == 3


def test_within_a_source_only_equal_pixels_are_doubles(tmp_path: Path) -> None:
    """Neighbouring slices of a volume are alike, and are items of one patient."""
    mask = np.ones((160, 200), np.uint8)
    for number, image in enumerate((scan(0), as_jpeg(scan(0), 75))):
        path = tmp_path / "images" / f"p{number}.png"
        path.parent.mkdir(exist_ok=True)
        image.save(path)
        sources.picture(tmp_path / "masks" / f"p{number}.png", mask)
    _, tallies = build([sources.manifest(tmp_path / "a.yaml")], tmp_path / "out", name="made", seed=0, most=None)
    assert tallies["a"].dropped == {}
    assert len(read(tmp_path / "out").items) == 2
