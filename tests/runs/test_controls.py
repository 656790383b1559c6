"""Methods against their controls, whose seeds are averaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from said import said_run

from lmms_vg.runs.compare import compare
from lmms_vg.runs.roles import controls, is_control, reads_references

TRUTH = [True, False] * 60


def flipped(count: int, start: int = 0) -> list[bool]:
    return [not yes if start <= number < start + count else yes for number, yes in enumerate(TRUTH)]


def test_what_the_classes_say() -> None:
    assert [is_control(name) for name in ("random_mask", "inverse_mask", "vgrefine", "oracle_mask", "of others")] == [
        *(True, True, False, False, False)
    ]
    assert [reads_references(name) for name in ("oracle_mask", "random_mask", "plain")] == [True, False, False]
    assert controls("random_mask", "vgrefine")
    assert not controls("random_mask", "pai")
    assert not controls("random_mask", "inverse_mask")
    assert not controls("vgrefine", "vgrefine")


@pytest.mark.slow
def test_a_method_and_its_control_are_compared_directly(tmp_path: Path) -> None:
    runs = [
        said_run(tmp_path / "p", flipped(40), TRUTH, each=1),
        said_run(tmp_path / "v", flipped(10), TRUTH, "vgrefine", each=1, k=5),
        said_run(tmp_path / "r", flipped(15), TRUTH, "random_mask", each=1, seed=1),
        said_run(tmp_path / "q", flipped(20), TRUTH, "pai", each=1),
    ]
    comparison = compare(runs)
    (line,) = comparison.contrasts
    assert (line.run.name, line.control, comparison.family) == ("vgrefine", "random_mask", 4)
    assert line.against is not None
    assert line.against.difference.mean * 120 == 5
    against_plain = [entry.against for entry in comparison.lines if entry.against]
    assert [round(entry.difference.mean * 120) for entry in against_plain] == [30, 25, 20]
    assert "| vgrefine - random_mask |" in comparison.table()
    assert ",random_mask," in comparison.table("csv")


@pytest.mark.slow
def test_seeds_of_a_control_are_averaged(tmp_path: Path) -> None:
    """Two seeds with 15 and 25 wrong make 20; the image that both have wrong counts -1, one that one has wrong -1/2."""
    runs = [
        said_run(tmp_path / "p", flipped(40), TRUTH, each=1),
        said_run(tmp_path / "v", flipped(0), TRUTH, "vgrefine", each=1),
        said_run(tmp_path / "r1", flipped(15), TRUTH, "random_mask", each=1, seed=1),
        said_run(tmp_path / "r2", flipped(25), TRUTH, "random_mask", each=1, seed=2),
    ]
    (line,) = compare(runs).contrasts
    assert line.control == "random_mask (mean of 2 seeds)"
    assert line.against is not None
    assert line.against.difference.mean == np.float64(20 / 120)
    assert line.against.difference.images == 25
    assert line.against.mcnemar_p is None
    assert line.against.difference.p == pytest.approx(2 / 2**25), "halves are counted out exactly"


def test_controls_of_other_settings_are_several(tmp_path: Path) -> None:
    runs = [said_run(tmp_path / "p", TRUTH, TRUTH), said_run(tmp_path / "v", TRUTH, TRUTH, "vgrefine", k=5)]
    runs += [
        said_run(tmp_path / f"{k}{seed}", TRUTH, TRUTH, "random_mask", k=k, seed=seed)
        for k in (5, 9)
        for seed in (1, 2)
    ]
    assert len(compare(runs).contrasts) == 2


def test_oracles_are_marked(tmp_path: Path) -> None:
    runs = [said_run(tmp_path / name, TRUTH, TRUTH, name) for name in ("plain", "oracle_mask")]
    assert "oracle_mask reads the reference boxes" in compare(runs).table()
