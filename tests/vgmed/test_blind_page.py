"""Nothing but the pictures' content tells the arms of a blind page apart, and votes need the key."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import requested
from PIL import Image
from vgmed_pages import arrived, begin, exports_to, keys, shown

from lmms_vg.datasets.schema import Sample
from lmms_vg.vgmed.blind_arms import RunMap
from lmms_vg.vgmed.blind_key import BlindKey
from lmms_vg.vgmed.blind_page import write_blind
from lmms_vg.vgmed.blind_pictures import SIDE, map_picture, placements
from lmms_vg.vgmed.blind_score import score_lines
from lmms_vg.vgmed.blind_study import ArmChoice, BlindStudy, blind_study
from lmms_vg.vgmed.blind_votes import read_votes
from lmms_vg.vision.patch_grid import Geometry

SECRET = "5a" * 32
GRID = (8, 8)
EVIL = "</script><script>window.pwned=1</script>\"'&"


def samples(n: int = 12) -> list[Sample]:
    shared = {"subset": "", "split": "", "licence": "", "source": ""}
    return [
        Sample(uid=f"u{i}", images=[f"i{i // 2}"], question=f"Where? {EVIL}{i}", boxes=[[10, 10, 30, 30]], **shared)
        for i in range(2 * n)
    ]


def maps(rng: np.random.Generator, hide: bool) -> RunMap:
    values = rng.random((3, 64)).astype(np.float32) + 0.01
    if hide:
        values[1, rng.permutation(64)[:32]] = 0
    geometry = Geometry.pad(60, 60, *GRID)
    mask = geometry.patch_mask([[10, 10, 30, 30]]).ravel()
    return RunMap(values, GRID, mask, geometry.visible.ravel())


def study(arms: list[str], n: int = 12, layer: int | None = 1) -> BlindStudy:
    rng = np.random.default_rng(0)
    asked = samples()
    plain, method = ({one.uid: maps(rng, hide) for one in asked} for hide in (False, True))
    grey = {f"i{i}": Image.fromarray(rng.integers(0, 255, (60, 60, 3), np.uint8)) for i in range(12)}
    return blind_study(asked, plain, method, ArmChoice("t", arms, "vgrefine", layer, n, 0), grey.__getitem__, SECRET)


@pytest.fixture(scope="module")
def three() -> BlindStudy:
    """A study of three arms, which tests only read."""
    return study(["plain", "method", "cut"])


@pytest.fixture(scope="module")
def folder(three: BlindStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its page, which tests only read."""
    out = tmp_path_factory.mktemp("blind") / "page"
    write_blind(three.cases, three.key, out)
    return out


def chunks(png: bytes) -> list[tuple[bytes, int, bytes]]:
    """Name, length and, but for pixels, content of every part of a PNG."""
    place, found = 8, []
    while place < len(png):
        length, name = struct.unpack_from(">I4s", png, place)
        found.append((name, length, b"" if name == b"IDAT" else png[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def stored(png: bytes) -> tuple[int, int]:
    """Length of the pixels with and without compression."""
    packed = b"".join(
        png[place : place + length]
        for place, length in (
            (m.end(), struct.unpack(">I", png[m.start() - 4 : m.start()])[0]) for m in re.finditer(b"IDAT", png)
        )
    )
    return len(packed), len(zlib.decompress(packed))


def test_pictures_of_all_arms_are_alike_but_for_their_pixels(folder: Path, three: BlindStudy) -> None:
    key = three.key
    files = {
        arm: [(folder / "images" / f"{key.picture(uid, arm)}.png").read_bytes() for uid in key.cases]
        for arm in key.arms
    }
    looks = {arm: {(len(png), tuple(chunks(png)[:1]), len(chunks(png))) for png in pngs} for arm, pngs in files.items()}
    assert looks["plain"] == looks["method"] == looks["cut"]
    assert {len(found) for found in looks.values()} == {1}
    for png in (png for pngs in files.values() for png in pngs):
        assert {name for name, *_ in chunks(png)} == {b"IHDR", b"IDAT", b"IEND"}  # no text, no time, no colour profile
        assert stored(png)[0] > stored(png)[1] == SIDE * (3 * SIDE + 1)


def test_files_bear_one_date_and_names_in_no_order_of_arms(folder: Path, three: BlindStudy) -> None:
    key = three.key
    assert len({path.stat().st_mtime for path in [folder, *folder.rglob("*")]}) == 1
    names = {path.stem for path in (folder / "images").iterdir()}
    assert names == {id for pictures in key.pictures.values() for id in pictures} | set(key.pictures)
    first = Counter(key.pictures[case][min(key.pictures[case])] for case in key.pictures)
    assert max(first.values()) < 11  # of 12 cases


def test_the_page_holds_no_word_of_arms_runs_layers_or_uids(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page)[0])
    assert set(data) == {"format", "study", "cases"}
    for word in ("plain", "vgrefine", "cut", "layer", SECRET, '"u1', "method"):
        assert word not in json.dumps(data)
    assert [case[0] for case in data["cases"]] == sorted(case[0] for case in data["cases"])
    assert all(case[2] == sorted(case[2]) for case in data["cases"])


def test_the_same_secret_gives_the_same_bytes_and_another_one_other_names(folder: Path, tmp_path: Path) -> None:
    made = study(["plain", "method", "cut"])
    write_blind(made.cases, made.key, tmp_path / "again")
    first, again = (
        {p.relative_to(d): p.read_bytes() for p in d.rglob("*") if p.is_file()} for d in (folder, tmp_path / "again")
    )
    assert first == again
    other = made.key.model_copy(update={"secret": "5b" * 32})
    write_blind(made.cases, BlindKey(**other.model_dump()), tmp_path / "other")
    assert not {p.name for p in (folder / "images").iterdir()} & {
        p.name for p in (tmp_path / "other" / "images").iterdir()
    }


def test_pictures_of_another_length_are_refused(tmp_path: Path) -> None:
    made = study(["plain", "method"])
    broken = made.cases[0]._replace(pictures=made.cases[0].pictures | {"plain": b"short"})
    with pytest.raises(ValueError, match="they must be equally long"):
        write_blind([broken], made.key, tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_questions_are_drawn_one_per_image_and_controls_need_a_layer_that_hides() -> None:
    made = study(["plain", "method"], n=20)
    assert len(made.cases) == 12
    assert len({int(case.uid[1:]) // 2 for case in made.cases}) == 12
    with pytest.raises(ValueError, match=r"hides no patch in layer 2, so nothing is cut; allowed is --layer 1"):
        study(["plain", "cut"], layer=2)
    with pytest.raises(ValueError, match="--layer 3: allowed is 0 to 2"):
        study(["plain", "method"], layer=3)
    for arms in (["plain"], ["plain", "plain"], ["plain", "oracle"], ["plain", "method", "cut", "random"]):
        with pytest.raises(ValueError, match="allowed are two or three of plain, method, cut, random"):
            study(arms)


def test_all_maps_have_one_colour_scale() -> None:
    image, geometry = Image.new("RGB", (60, 60), (100, 100, 100)), Geometry.pad(60, 60, *GRID)
    lift = np.ones(GRID)
    lift[0, 0] = 4
    pixels = [
        np.asarray(Image.open(BytesIO(map_picture(image, values, geometry))))
        for values in (lift, np.where(lift == 4, 4, 0.5), np.where(lift == 4, 99, 1))
    ]
    corner, middle = [tuple(picture[20, 20]) for picture in pixels], [tuple(picture[300, 300]) for picture in pixels]
    assert corner[0] == corner[1] == corner[2]
    assert middle[0] == middle[2] != middle[1]


@pytest.mark.parametrize(
    "way",
    [
        Geometry.pad(60, 40, 8, 8),
        Geometry.pad(40, 60, 8, 8),
        Geometry.stretch(60, 40, 4, 6),
        Geometry.center_crop(80, 40, 24, 24, 336),
    ],
)
def test_the_way_an_image_lies_on_the_patches_is_found_by_its_box(way: Geometry) -> None:
    box = [(way.width // 2 - 6, way.height // 2 - 5, way.width // 2 + 3, way.height // 2 + 4)]
    found = placements((way.width, way.height), box, kept(way, box))
    assert any(
        np.array_equal(one.to_pixels(numbered_patches(way)), way.to_pixels(numbered_patches(way)), True)
        for one in found.values()
    )
    assert len(found) < 3


def numbered_patches(way: Geometry) -> np.ndarray:
    return np.arange(way.rows * way.cols).reshape(way.rows, way.cols)


def kept(way: Geometry, boxes: list[Any]) -> RunMap:
    return RunMap(
        np.ones((1, way.rows * way.cols)), (way.rows, way.cols), way.patch_mask(boxes).ravel(), way.visible.ravel()
    )


def test_an_image_that_lies_in_no_known_way_is_refused() -> None:
    strange = kept(Geometry.pad(60, 40, 8, 8), [(0, 0, 10, 10)])._replace(visible=np.ones(64, bool))
    with pytest.raises(ValueError, match="none of the ways that are drawn here"):
        placements((60, 40), [(50, 30, 60, 40)], strange)


def test_the_way_that_the_run_kept_is_taken() -> None:
    way, box = Geometry.pad(60, 40, 8, 8), [(10, 10, 20, 20)]
    known = kept(way, box)._replace(geometry=way)
    assert placements((60, 40), box, known) == {"kept": way}
    with pytest.raises(ValueError, match="image of 120 x 80 pixels: the run saw one of 60 x 40"):
        placements((120, 80), box, known)


@pytest.fixture
def page(chrome: Any, folder: Path, tmp_path: Path) -> Iterator[Any]:
    exports_to(chrome, tmp_path / "downloads")
    chrome.get("about:blank")
    chrome.get_log("browser")
    requested(chrome)
    chrome.get((folder / "index.html").as_uri())
    chrome.execute_script("localStorage.clear()")
    yield chrome
    assert chrome.get_log("browser") == []
    assert [url for url in requested(chrome) if not url.startswith((f"{folder.as_uri()}/", "about:", "blob:"))] == []


def test_raters_vote_by_keys_and_the_key_tells_for_what(page: Any, three: BlindStudy, tmp_path: Path) -> None:
    key = three.key
    begin(page, "Ann")
    keys(page, "b\ue014=\ue014")
    for _ in range(10):
        page.find_element("css selector", "button[data-side='0']").click()
        keys(page, "\ue014")
    page.find_element("id", "comment").send_keys("less noise, b = c")
    assert "12 of 12; 12 answered. Thank you" in page.find_element("id", "count").text
    page.refresh()
    begin(page, "Ann")
    assert "12 answered" in page.find_element("id", "count").text
    page.find_element("id", "export").click()
    file = shown(page, lambda: tmp_path / "downloads" / "votes-Ann.json", arrived)
    votes = read_votes([file], key)
    assert Counter(vote.place for vote in votes) == {0: 10, 1: 1, None: 1}
    given = json.loads(file.read_text())["votes"]
    for vote in given:
        pictures = {
            key.picture(uid, arm): arm for uid in key.cases if key.case(uid) == vote["case"] for arm in key.arms
        }
        assert set(vote["order"]) == set(pictures)
    assert len({vote.arm for vote in votes}) > 2, "the left map is not always the same arm"
    assert sum("less noise" in line for line in score_lines(votes, key)) == 1


def test_raters_see_the_maps_of_a_case_in_other_orders(page: Any, tmp_path: Path) -> None:
    orders = []
    for name in ("Ann", "Bo"):
        page.refresh()
        begin(page, name)
        keys(page, "a\ue014" * 12)
        page.find_element("id", "export").click()
        file = shown(page, lambda name=name: tmp_path / "downloads" / f"votes-{name}.json", arrived)
        orders.append({vote["case"]: vote["order"] for vote in json.loads(file.read_text())["votes"]})
    assert orders[0].keys() == orders[1].keys()
    assert orders[0] != orders[1]


def test_hostile_questions_are_text_and_the_page_fits_a_phone(page: Any) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    begin(page, "Ann")
    assert page.find_element("id", "question").text.startswith(f"Where? {EVIL}")
    assert page.execute_script("return window.pwned") is None
    assert page.execute_script("return document.documentElement.scrollWidth") <= 390
    assert not page.find_element("id", "missing").is_displayed()
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
