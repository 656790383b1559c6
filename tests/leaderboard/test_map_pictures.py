"""Maps of plain beside method: drawn by the rule that the page states, and only where images may be shown."""

from __future__ import annotations

import hashlib
from pathlib import Path

import mapped
import numpy as np
import pytest
import runs
from saved_run import spec

from lmms_vg.leaderboard.layer_looks import LayerLooks
from lmms_vg.leaderboard.map_pictures import drawn, of_its_data
from lmms_vg.leaderboard.site import build
from lmms_vg.submission.submit import submit

VGREFINE = {"method": spec("vgrefine", k=5)}


def looks(placement: list[float]) -> LayerLooks:
    """Placement at layer 1; layer 0 says the opposite."""
    uids = tuple(f"u{i}" for i in range(len(placement)))
    rows = np.array([[-value, value] for value in placement])
    return LayerLooks(uids, uids, {"placement": rows}, 1, ())


def test_one_of_each_third_by_the_smallest_hash() -> None:
    placement = [0.9, 0.1, 0.5, 0.2, 0.8, 0.4, float("nan")]
    thirds = {"lowest": ["u1", "u3"], "middle": ["u5", "u2"], "highest": ["u4", "u0"]}
    expected = {
        name: min(uids, key=lambda uid: hashlib.sha256(uid.encode()).hexdigest()) for name, uids in thirds.items()
    }
    assert drawn(looks(placement)) == expected


@pytest.mark.parametrize(
    ("task", "uri", "its_own"),
    [
        ("vgmed_demo", "demo:standard/100000", True),
        ("vgmed_coco_attribute", "coco:COCO_val2014_1.jpg", True),
        ("vgmed_localization", "vgmed:AMOS/a.png", True),
        ("vgmed_localization", "slake:xmlab1/source.jpg", False),
        ("vgmed_demo", "data:vqa_rad/a.png", False),
        ("vgmed_demo", "own:mine/a.png", False),
        ("vgmed_demo", "", False),
    ],
)
def test_a_bundle_cannot_show_images_of_other_data(task: str, uri: str, its_own: bool) -> None:
    assert of_its_data(task, uri) == its_own


def test_two_questions_have_two_thirds() -> None:
    assert drawn(looks([0.9, 0.1])) == {"lowest": "u1", "middle": "u0"}


@pytest.fixture(scope="module")
def folder(few_phantoms: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain run and a method, both with maps."""
    made = tmp_path_factory.mktemp("pictures")
    with pytest.MonkeyPatch.context() as patch:
        for id, identity in (("plain", {}), ("vgrefine", VGREFINE)):
            run = mapped.save_run(made, patch, identity=identity)
            (made / "in" / id).mkdir(parents=True)
            submit([run], runs.CARD, made / "in" / id / "bundle.zip")
    return made


@pytest.mark.slow
def test_the_page_shows_what_the_method_did_to_the_map(folder: Path) -> None:
    assert build(folder / "in", folder / "site").refused == []
    page = (folder / "site" / "submissions" / "vgrefine.html").read_text("utf-8")
    assert "What the method did to the map" in page
    assert "the questions fall into thirds by the placement of its plain run" in page
    assert "grounding recomputed from the maps in the bundle" in page
    for number in (1, 2, 3):
        name = f"vgrefine-vgmed_demo-{number}.png"
        assert f'<img src="{name}"' in page
        assert (folder / "site" / "submissions" / name).read_bytes().startswith(b"\x89PNG")
    assert page.count('<svg class="curve"') == 4
    assert "grounding recomputed" in (folder / "site" / "index.html").read_text("utf-8")


@pytest.mark.slow
def test_images_that_are_withheld_are_not_shown(folder: Path) -> None:
    build(folder / "in", folder / "hidden", ["demo"])
    assert not list((folder / "hidden").rglob("*.png"))
    assert "<img" not in (folder / "hidden" / "submissions" / "vgrefine.html").read_text("utf-8")
