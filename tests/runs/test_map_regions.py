"""Which regions a run's maps name: by hand on a 3 x 3 grid and in a padded image, and as the report prints it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from looks import asked, blind, run_of, seeing
from maps import question_map
from saved_run import tables

from lmms_vg.journal import LayerMaps, QuestionMap, ReferenceMap
from lmms_vg.metrics import regions
from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.runs.grounding import Grounding, grounding
from lmms_vg.runs.layer_choice import named
from lmms_vg.runs.report import report

NAMES = ["named boxes, IoU", "named boxes, F1", "pointing", "mass in box", "AUROC", "AUPRC"]


def counting(key: str, mask: list[int], visible: list[int] | None = None) -> QuestionMap:
    """A map of 1 to 9 of 45 in one layer, 0 where no image is seen."""
    seen = np.ones(9, bool) if visible is None else np.isin(np.arange(9), visible)
    values = np.where(seen, np.arange(1.0, 10), 0)[None] / 45
    marked = np.isin(np.arange(9), mask).reshape(3, 3)
    even = ReferenceMap("even on 3 x 3", (3, 3), LayerMaps.of(np.ones((1, 9)), np.ones(1)))
    return question_map(
        key,
        f"i {key}",
        grid=(3, 3),
        mask=marked,
        visible=seen.reshape(3, 3),
        maps=LayerMaps.of(values, np.ones(1)),
        reference=even,
    )


def judged(folder: Path, maps: list[QuestionMap]) -> Grounding:
    found = grounding(run_of(folder, maps), {"t": named(0)}, regions=True)["t"]
    assert isinstance(found, Grounding)
    return found


@pytest.mark.parametrize(
    ("mask", "values"),
    [
        ([8], [1, 1, 1, 9 / 45, 1, 1]),
        ([4], [0, 0, 0, 5 / 45, 1 / 2, 1 / 5]),
        ([0, 8], [1 / 2, 2 / 3, 1, 10 / 45, 1 / 2, (1 + 2 / 9) / 2]),
    ],
    ids=["the last patch", "the middle", "two boxes"],
)
def test_by_hand(tmp_path: Path, mask: list[int], values: list[float]) -> None:
    """The only peak is the last patch. Of two boxes one is above all seven others, the other below all."""
    found = judged(tmp_path, [counting("a", mask)]).regions
    assert list(found) == NAMES
    assert [one.value for one in found.values()] == pytest.approx(values, abs=1e-3)
    m = len(mask)
    assert [one.even for one in found.values()] == pytest.approx([m / 9, 2 * m / (9 + m), m / 9, m / 9, 0.5, m / 9])


def test_padding_is_no_place_that_a_map_could_name(tmp_path: Path) -> None:
    """Of six visible patches the box is the fourth from the top: above two of five others."""
    found = judged(tmp_path, [counting("a", [5], [3, 4, 5, 6, 7, 8])]).regions
    assert found["AUROC"].value == pytest.approx(2 / 5)
    assert found["AUPRC"].value == pytest.approx(1 / 4)
    assert [found[name].even for name in ("pointing", "mass in box", "AUPRC")] == pytest.approx([1 / 6] * 3)


def test_even_attention_has_the_even_level_also_in_padded_images(tmp_path: Path) -> None:
    maps = [counting("a", [4]), counting("b", [3, 8], [3, 4, 5, 6, 7, 8])]
    for one in maps:
        one.maps.cells[:] = np.where(one.visible.ravel(), 1, 0)
    for name, one in judged(tmp_path, maps).regions.items():
        assert one.value == pytest.approx(one.even), name


def test_means_and_intervals_are_those_of_the_measures(tmp_path: Path) -> None:
    run = run_of(tmp_path, maps := asked(seeing, 60))
    found = grounding(run, {"t": named(1)}, regions=True)["t"]
    assert isinstance(found, Grounding)
    values = [regions.auroc(one.maps.restored()[1], one.mask.ravel()) for one in maps]
    images = [one.image for one in maps]
    assert found.regions["AUROC"].n == 60
    assert found.regions["AUROC"].value == pytest.approx(np.mean(values), abs=1e-3)
    assert found.regions["AUROC"].interval == pytest.approx(cluster_interval(values, images), abs=1e-3)


def test_a_place_that_fills_the_image_has_no_auroc(tmp_path: Path) -> None:
    found = judged(tmp_path, [counting("a", [8]), counting("b", [*range(9)])]).regions
    assert (found["AUROC"].n, found["pointing"].n) == (1, 2)
    assert found["AUROC"].value == 1


def test_report(tmp_path: Path) -> None:
    text = report(run_of(tmp_path, asked(blind, 60)), 0)
    (table,) = (cells for cells in tables(text) if cells[0][0] == "regions that maps name")
    assert [row[:4] for row in table[1:]] == [["t", "0", name, "60"] for name in NAMES]
    assert "Intervals draw whole images" in text
    auroc = table[5]
    assert float(auroc[4]) > 0.5, "boxes in the middle, which blind attention prefers"
    assert auroc[6] == "0.5000"
    without = report(run_of(tmp_path / "b", asked(blind, 20), keep=False), 0)
    assert "regions that maps name" not in without


def test_maps_of_two_grids_are_put_together(tmp_path: Path) -> None:
    """Two questions on 8 x 8 patches and one on 3 x 3, whose box is found."""
    others, counted = asked(seeing, 2), counting("a", [8])
    alone = grounding(run_of(tmp_path / "a", others), {"t": named(0)}, regions=True)["t"]
    both = grounding(run_of(tmp_path / "b", [*others, counted]), {"t": named(0)}, regions=True)["t"]
    assert isinstance(alone, Grounding)
    assert isinstance(both, Grounding)
    for name in NAMES[:3]:
        assert both.regions[name].n == 3
        assert both.regions[name].value == pytest.approx((2 * alone.regions[name].value + 1) / 3)
