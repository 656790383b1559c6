"""Excess in a report: blind attention is "not shown", attention that finds the boxes is, and what has no maps says so."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from looks import EVEN, GRID, asked, blind, run_of, seeing, with_hidden
from maps import question_map
from saved_run import tables

from lmms_vg import journal
from lmms_vg.journal import Journal, LayerMaps, ReferenceMap
from lmms_vg.journal.map_lines import MAPS, block_of
from lmms_vg.metrics import placement
from lmms_vg.metrics.statistics import holm
from lmms_vg.runs.grounding import Grounding, corrected, grounding
from lmms_vg.runs.journal_of import journal_of
from lmms_vg.runs.layer_choice import named
from lmms_vg.runs.report import report


def looks(text: str) -> dict[str, str]:
    """Measure -> the last cell of its row."""
    (table,) = (cells for cells in tables(text) if cells[0][0] == "against other images")
    place = table[0].index("look")
    return {cells[2]: cells[place] for cells in table[1:] if cells[2] != "AR by windows"}


@pytest.mark.slow
@pytest.mark.parametrize("layer", [0, 1])
def test_blind_attention_is_not_shown(tmp_path: Path, layer: int) -> None:
    """Whose raw AR is above 1, as boxes stand in the middle and it prefers the middle."""
    run = run_of(tmp_path, asked(blind))
    result = grounding(run, {"t": named(layer)})["t"]
    assert isinstance(result, Grounding)
    assert result.looked["log AR"].value > 0.2
    shown = looks(report(run, layer))
    assert {name: shown[name] for name in ("log AR", "KL", "JS")} == dict.fromkeys(("log AR", "KL", "JS"), "not shown")


def test_attention_that_finds_the_boxes_is_shown(tmp_path: Path) -> None:
    text = report(run_of(tmp_path, asked(seeing)))
    assert looks(text) == dict.fromkeys(("log AR", "KL", "JS", "placement"), "shown")
    assert "0 or 1 (other half)" in text or "0 (other half)" in text
    assert "`null|donors:other-images|" in text


def test_attention_that_avoids_the_boxes_is_not_shown(tmp_path: Path) -> None:
    run = run_of(tmp_path, asked(lambda rng, mask: blind(rng, mask) / (1 + mask.ravel())))
    assert {*looks(report(run)).values()} == {"not shown"}


def test_even_attention_has_no_excess(tmp_path: Path) -> None:
    result = grounding(run_of(tmp_path, asked(lambda *_: np.ones((2, 64)))), {"t": None})["t"]
    assert isinstance(result, Grounding)
    for name in ("log AR", "KL", "JS"):
        assert abs(result.looked[name].excess.mean) < 1e-6
    assert result.looked["placement"].value == 0.5


@pytest.mark.slow
def test_under_a_knockout_kl_and_log_ar_have_no_verdict(tmp_path: Path) -> None:
    """Nor are they counted as tests."""
    run = run_of(tmp_path, asked(with_hidden))
    assert looks(report(run, 0)) == dict.fromkeys(("log AR", "KL", "JS", "placement"), "shown")
    text = report(run, 1)
    assert looks(text) == {
        **dict.fromkeys(("log AR", "KL"), "no verdict (hidden patches)"),
        **dict.fromkeys(("JS", "placement"), "shown"),
    }
    assert "in-sample" not in text
    result = grounding(run, {"t": named(1)})["t"]
    assert isinstance(result, Grounding)
    assert corrected({"t": result})["t"] == {
        "log AR": pytest.approx(math.nan, nan_ok=True),
        "KL": pytest.approx(math.nan, nan_ok=True),
        **holm({name: result.looked[name].excess.p for name in ("JS", "placement")}),
    }


def test_hiding_at_random_seems_to_raise_log_ar(tmp_path: Path) -> None:
    """Which is why it gets no verdict: attention that is blind, with most of each map hidden but never all of its own box."""

    def hides(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
        values = np.ones((2, 64))
        kept = rng.choice(np.flatnonzero(mask))
        values[1, np.setdiff1d(rng.permutation(64)[:56], [kept])] = 0
        return values

    result = grounding(run_of(tmp_path, asked(hides)), {"t": named(1)})["t"]
    assert isinstance(result, Grounding)
    assert result.looked["log AR"].excess.low > 0.2
    assert {*result.verdicts(corrected({"t": result})["t"]).values()} >= {"no verdict (hidden patches)"}


def test_a_run_of_lmms_eval_finds_its_journal(tmp_path: Path) -> None:
    folder = journal.home() / "journal" / "huatuo_plain-1"
    of_another = run_of(journal.home() / "journal" / "another", asked(blind))
    with Journal(of_another.path, provenance={"weights": "others"}):
        pass
    (of_another.path / "rank0.jsonl").write_bytes((of_another.path / "rank0.jsonl").read_bytes().splitlines(True)[-1])
    run = replace(run_of(folder, asked(seeing)), path=tmp_path / "results.json")
    assert journal_of(run) == folder
    assert looks(report(run)) == dict.fromkeys(("log AR", "KL", "JS", "placement"), "shown")


def test_what_has_no_numbers_says_why(tmp_path: Path) -> None:
    without = run_of(tmp_path / "a", asked(seeing, 20), keep=False)
    assert "No excess over other images for t: its journal has no maps" in report(without)
    elsewhere = replace(without, path=tmp_path / "results.json")
    assert "No excess over other images for t: its journal is not on this machine" in report(elsewhere)
    failed = run_of(tmp_path / "b", asked(seeing, 20), best_layer=None)
    assert "No excess over other images for t: no question has a value" in report(failed)
    few = run_of(tmp_path / "c", asked(seeing, 8))
    assert "fewer than five other images like theirs" in report(few)
    with pytest.raises(ValueError, match="layer 2: allowed is 0 to 1"):
        report(few, 2)


def of_another_layout(path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lmms_vg.journal.map_lines.MAPS", replace(MAPS, layout=MAPS.layout + 1))
        path.write_bytes(block_of(asked(seeing, 2)[0]))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "t: 40 questions were asked; the others have no map"),
        (lambda path: path.unlink(), "No excess over other images for t: its journal has no maps"),
        (lambda path: path.write_bytes(b""), "No excess over other images for t: its journal has no maps"),
        (of_another_layout, "No excess over other images for t: its journal has no maps"),
    ],
    ids=["torn", "missing", "empty", "of another layout"],
)
def test_a_file_of_maps_that_cannot_be_read_is_said_and_stops_no_report(
    tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    run = run_of(tmp_path, asked(seeing, 40))
    assert says not in report(run, 0)
    spoil(tmp_path / "rank0.maps")
    text = report(run, 0)
    assert says in text
    (measured,) = (cells for cells in tables(text) if cells[0][0] == "where it looked")
    assert measured[1] == ["t", "40", "1.5000", "1.0000", "0.2000", "0"], "what the answers hold is there"


@pytest.mark.slow
def test_even_look_windows_and_other_questions_are_printed(tmp_path: Path) -> None:
    """Two questions an image: one about the box in the middle, one about a corner, so that their boxes are disjoint.

    The map is that of the first question for both: over other questions neither gains anything.
    """
    rng, maps = np.random.default_rng(0), []
    for i in range(60):
        middle, corner = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
        middle[3:5, 3:6], corner[: 1 + i % 2, :2] = True, True
        look = LayerMaps.of(seeing(rng, middle) / 100, np.ones(2) / 2)
        for name, mask in (("m", middle), ("c", corner)):
            reference = ReferenceMap("even", GRID, EVEN)
            maps.append(
                question_map(
                    f"{name}{i}", f"i{i}", mask=mask, visible=np.ones(GRID, bool), maps=look, reference=reference
                )
            )
    result = grounding(run_of(tmp_path, maps), {"t": named(0)})["t"]
    assert isinstance(result, Grounding)
    found = result.looked["KL"]
    sizes = [one.mask.sum() for one in maps]
    assert found.even == pytest.approx(np.log(64 / np.array(sizes)).mean())
    assert result.looked["log AR"].even == 0
    for name in ("log AR", "KL", "JS"):
        over = result.looked[name].over_questions
        assert over is not None
        assert abs(over.mean) < 1e-3
        assert result.looked[name].n_questions == 120
    windows = [placement.place(one.maps.restored()[:1].reshape(1, 8, 8), one.mask).ar_window[0] for one in maps]
    assert result.ar_window == pytest.approx(np.mean(windows), rel=1e-3)
    (table,) = (
        cells for cells in tables(report(run_of(tmp_path / "2", maps), 0)) if cells[0][0] == "against other images"
    )
    assert [row[2] for row in table[1:]] == ["log AR", "KL", "JS", "placement", "AR by windows"]
    assert table[2][table[0].index("even look")] == f"{found.even:.4f}"
    assert table[-1][4:6] == [f"{result.ar_window:.4f}", "1.0000"]


def test_few_images_with_several_questions_have_an_excess_over_questions_only(tmp_path: Path) -> None:
    """Each question finds its own box: far over the other question about its image."""
    rng, maps = np.random.default_rng(0), []
    for i in range(4):
        for k, rows in enumerate((slice(0, 3), slice(5, 8))):
            mask = np.zeros((8, 8), bool)
            mask[rows, 2:5] = True
            look = LayerMaps.of(
                np.exp(0.3 * rng.standard_normal((2, 64))) * (1 + 5 * mask.ravel()) / 1000, np.ones(2) / 2
            )
            reference = ReferenceMap("even", GRID, EVEN)
            maps.append(
                question_map(
                    f"{i} {k}", f"i{i}", mask=mask, visible=np.ones(GRID, bool), maps=look, reference=reference
                )
            )
    run = run_of(tmp_path, maps)
    result = grounding(run, {"t": named(0)})["t"]
    assert isinstance(result, Grounding)
    found = result.looked["log AR"]
    assert found.excess is None
    assert found.over_questions is not None
    assert found.over_questions.mean > 1
    assert (found.n, found.n_questions) == (8, 8)
    assert looks(report(run, 0))["log AR"] == "no verdict (too few images)"


@pytest.mark.slow
def test_the_images_of_a_patient_are_drawn_together(tmp_path: Path) -> None:
    """60 images of 12 patients: the interval is that of 12 units, and no map is swapped within a patient."""
    maps = asked(seeing)
    of_patient = {one.image: f"own/patient {int(one.image.split()[1]) % 12}" for one in maps}
    by_image = grounding(run_of(tmp_path / "i", maps), {"t": named(0)})["t"]
    run = run_of(tmp_path / "p", maps, patient=lambda one: of_patient[one.image])
    by_patient = grounding(run, {"t": named(0)})["t"]
    assert isinstance(by_image, Grounding)
    assert isinstance(by_patient, Grounding)
    for name in ("log AR", "KL", "JS"):
        one, other = by_image.looked[name].excess, by_patient.looked[name].excess
        assert one is not None
        assert other is not None
        assert (one.images, other.images) == (60, 12)
        assert one.least < other.least, "fewer units can flip their signs"
    level = by_patient.questions["KL"]
    assert by_patient.units == {f"u/{one.key}": of_patient[one.image] for one in maps}
    assert all(math.isfinite(pair[1]) for pair in level.values()), "eleven other patients are enough to swap with"
    alone = run_of(tmp_path / "a", maps, patient=lambda one: "own/patient 1")
    result = grounding(alone, {"t": named(0)})["t"]
    assert isinstance(result, Grounding)
    assert "KL" not in result.looked, "one patient has nobody to swap with"
    text = report(run, 0)
    assert "p from sign flips of whole patients" in text
    assert "whole images" not in text
    assert "(other half): patients fall into two halves" in report(run)
    some = run_of(tmp_path / "s", maps, patient=lambda one: of_patient[one.image] * (one.image > "image 3"))
    assert "p from sign flips of whole images or patients" in report(some, 0)
