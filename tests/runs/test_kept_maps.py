"""What is recomputed from the maps of a journal is what was journalled, on every grid, and the demo model is grounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from journals import record
from maps import layer_maps, question_map

from lmms_vg.experiments.boxed_questions import questions
from lmms_vg.inference.build import build
from lmms_vg.inference.question_maps import axes_of
from lmms_vg.journal import Journal, LayerMaps, Record, ReferenceMap
from lmms_vg.metrics import alignment, nulls
from lmms_vg.metrics.donors import MapOwner, of_other_images
from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.runs.kept_maps import TOLERANCE, KeptMaps, kept_maps
from lmms_vg.vision.patch_grid import Geometry


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Record]]:
    """Journal and records of the demo model on 30 images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMMS_VG_HOME", str(tmp_path_factory.mktemp("home")))
        answerer = build("huatuo", "plain", pretrained="demo", batch_size=8, self_check=False)
        records = [answered for _, answered in answerer.answer(questions("vgmed_demo")[:120])]
        answerer.close()
        return answerer.journal.folder, records


def agree(kept: KeptMaps, records: list[Record]) -> None:
    for maps, mask, i in zip(kept.maps, kept.masks, kept.places, strict=True):
        stated = records[i].alignment or {}
        chosen = {name: np.array(stated[name])[list(kept.layers)] for name in ("ar", "kl", "js")}
        np.testing.assert_allclose(alignment.attention_ratio(maps, mask), chosen["ar"], rtol=TOLERANCE)
        np.testing.assert_allclose(alignment.kl_divergence(maps, mask), chosen["kl"], atol=TOLERANCE)
        np.testing.assert_allclose(alignment.js_divergence(maps, mask), chosen["js"], atol=TOLERANCE)


@pytest.mark.slow
def test_recomputed_values_are_the_journalled_ones(demo: tuple[Path, list[Record]]) -> None:
    folder, records = demo
    (kept,) = kept_maps(folder, records)
    assert isinstance(kept.maps, np.memmap)
    assert sorted(kept.places) == list(range(120))
    assert kept.visible.all(), "phantoms are square"
    assert ((kept.shares > 0) & (kept.shares < 1)).all()
    agree(kept, records)
    (some,) = kept_maps(folder, records[:7], layers=[4, 1])
    assert some.maps.shape == (7, 2, 64)
    agree(some, records)


@pytest.mark.slow
def test_the_demo_model_looks_and_blind_maps_do_not(demo: tuple[Path, list[Record]]) -> None:
    """At its layer 4 the excess is far from 0; with the maps of other images in place of its own it is near 0."""
    folder, records = demo
    (kept,) = kept_maps(folder, records, layers=[4])
    asked = [
        MapOwner(records[i].uid, records[i].image, records[i].image, kind)
        for i, kind in zip(kept.places, kept.kinds, strict=True)
    ]
    donors = of_other_images(asked)
    seen = nulls.null(kept.maps, kept.masks, donors).excess
    assert seen.log_ar.mean() > 1
    assert seen.kl.mean() < -1
    images = [one.image for one in asked]
    assert cluster_interval(seen.log_ar[:, 0], images, level=0.999).low > 0.5
    assert cluster_interval(seen.kl[:, 0], images, level=0.999).high < -0.5
    assert cluster_interval(seen.js[:, 0], images, level=0.999).high < 0
    blind = nulls.null(np.roll(kept.maps, 40, axis=0), kept.masks, donors).excess  # ten images further
    assert abs(blind.log_ar.mean()) < 0.3
    assert abs(blind.kl.mean()) < 0.3


def written(folder: Path, *kept: Any) -> list[Record]:
    """A journal of maps, with the values that `alignment` gives for what was kept of them."""
    records = []
    for one in kept:
        ratio = alignment.normalise(one.maps.restored(), one.reference.maps.restored())
        ar, printed, kl, js = (value.tolist() for value in alignment.align(ratio[:, None], None, one.mask.ravel()))
        records.append(record(one.key, alignment={"ar": ar, "printed_ar": printed, "kl": kl, "js": js}))
    with Journal(folder) as made:
        made.write(records, kept)
    return records


def test_two_grids_in_one_journal(tmp_path: Path) -> None:
    kept = [
        question_map("a", "x"),
        question_map("b", "y", grid=(6, 3)),
        question_map("c", "x"),
        question_map("d", "y", grid=(6, 3)),
    ]
    records = [record("no alignment"), *written(tmp_path, *kept)]
    groups = kept_maps(tmp_path, records)
    assert [(group.grid, group.places.tolist()) for group in groups] == [((4, 5), [1, 3]), ((6, 3), [2, 4])]
    for group in groups:
        assert group.maps.shape == (2, 3, group.grid[0] * group.grid[1])
        agree(group, records)


def test_zeros_stay_zeros_and_a_reference_without_attention_divides_as_in_the_measure(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    maps, general = rng.random((2, 20)), rng.random((2, 20))
    maps[0, 3] = general[0, 3] = general[1, 6] = 0
    reference = ReferenceMap("r", (4, 5), LayerMaps.of(general, general.sum(1)))
    records = written(tmp_path, question_map("a", maps=LayerMaps.of(maps, maps.sum(1)), reference=reference))
    (kept,) = kept_maps(tmp_path, records)
    assert kept.maps[0, 0, 3] == 0
    agree(kept, records)


def test_images_with_other_padding_are_of_another_kind(tmp_path: Path) -> None:
    padded = np.ones((4, 5), bool)
    padded[0] = False
    records = written(tmp_path, question_map("a", "x"), question_map("b", "y", visible=padded), question_map("c", "z"))
    (kept,) = kept_maps(tmp_path, records)
    first, second, third = kept.kinds
    assert first == third != second


def test_what_is_missing_or_damaged_is_left_out(tmp_path: Path) -> None:
    """A question's map, a reference prompt's map, and a whole file."""
    records = written(tmp_path, *(question_map(key, f"image {key}") for key in "abc"))
    path = tmp_path / "rank0.maps"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # of the last question
    data[data.index(b"\n", data.index(b'"r-image b","bytes"')) + 30] ^= 1
    path.write_bytes(data)
    (kept,) = kept_maps(tmp_path, records)
    assert kept.places.tolist() == [0]
    path.unlink()
    assert kept_maps(tmp_path, records) == []


def test_a_layer_that_is_not_there(tmp_path: Path) -> None:
    records = written(tmp_path, question_map("a"))
    with pytest.raises(ValueError, match="layer 3: allowed is 0 to 2"):
        kept_maps(tmp_path, records, [0, 3])


def test_two_ranks_share_a_reference(tmp_path: Path) -> None:
    """As after an import, which adds no reference prompt twice."""
    grid = (4, 5)
    reference = ReferenceMap("r", grid, layer_maps(np.random.default_rng(1), 3, grid))
    records = written(tmp_path, question_map("a", reference=reference))
    with Journal(tmp_path, rank=1) as made:
        made.write([record("b")], [question_map("b", reference=reference)])
    path = tmp_path / "rank1.maps"
    data = path.read_bytes()
    path.write_bytes(data[data.rindex(b'{"sha256": "') :])
    (kept,) = kept_maps(tmp_path, [*records, record("b")])
    assert kept.places.tolist() == [0, 1]


@pytest.mark.parametrize(
    "way", [Geometry.pad(640, 480, 4, 5), Geometry.center_crop(300, 100, 4, 5, 56), Geometry.stretch(7, 9, 4, 5)]
)
def test_how_the_image_lay_on_the_patches_is_kept(tmp_path: Path, way: Geometry) -> None:
    written(tmp_path, question_map("a", axes=axes_of(way)), question_map("b"))
    records = [record("a"), record("b")]
    (kept,) = kept_maps(tmp_path, records)
    assert kept.geometries == (way, None), "maps of older versions do not tell"
