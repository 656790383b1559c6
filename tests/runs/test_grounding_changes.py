"""Whether one run looks better than another: paired, at one layer, on excess; blind attention never does."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from looks import Look, asked, blind, run_of, seeing, with_hidden
from saved_run import spec, tables

from lmms_vg.journal import QuestionMap
from lmms_vg.runs.compare import compare
from lmms_vg.runs.comparison import Comparison
from lmms_vg.runs.grounding_changes import look_changes
from lmms_vg.runs.layer_choice import LayerChoice, named
from lmms_vg.runs.results import Run

NAMES = ("log AR", "KL", "JS", "placement")


def run(folder: Path, look: Look, method: str = "plain", best_layer: int = 0, seed: int = 0, **more: bool) -> Run:
    """Runs of one seed have the same boxes and noise."""
    made = run_of(folder, asked(look, seed=seed), best_layer, **more)
    return replace(made, provenance={**(made.provenance or {}), "method": spec(method)})


def verdicts(table: Comparison) -> dict[str, str]:
    (rows,) = (cells for cells in tables(table.table()) if cells[0][0] == "where it looks")
    return {cells[3]: cells[-1] for cells in rows[1:]}


@pytest.mark.slow
def test_a_run_that_looks_is_better_than_a_blind_one_and_the_other_is_worse(tmp_path: Path) -> None:
    plain, pai = run(tmp_path / "a", blind), run(tmp_path / "b", seeing, "pai")
    assert verdicts(compare([plain, pai])) == dict.fromkeys(NAMES, "yes")
    assert verdicts(compare([plain, pai], base="pai")) == dict.fromkeys(NAMES, "worse")


@pytest.mark.slow
def test_two_blind_runs_do_not_differ(tmp_path: Path) -> None:
    """One prefers the middle, where the boxes are, so its raw AR is far higher."""

    def even(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
        return np.exp(0.8 * rng.standard_normal((2, 64)))

    table = compare([run(tmp_path / "a", even), run(tmp_path / "b", blind, "pai")])
    shown = verdicts(table)
    assert {shown[name] for name in ("log AR", "KL", "JS")} == {"not shown"}
    (change,) = (one for one in table.looks if one.name == "log AR")
    assert change.value.low > 0.2


@pytest.mark.slow
def test_differences_are_those_of_each_question(tmp_path: Path) -> None:
    plain, pai = run(tmp_path / "a", blind, best_layer=1), run(tmp_path / "b", seeing, "pai")
    changes, missing = look_changes(plain, [pai], 1)
    assert missing == []
    assert {(one.choice, one.n) for one in changes} == {(named(1), 120)}
    unnamed, _ = look_changes(plain, [pai])
    assert {one.choice for one in unnamed} == {LayerChoice((0, 0), "other half")}, (
        "the base's layer, whose KL are equal"
    )
    masks = [one.mask.ravel() for one in asked(blind)]
    ratios = [
        [
            one.maps.restored()[1] @ mask / mask.sum() / one.maps.restored()[1].mean()
            for one, mask in zip(kept, masks, strict=True)
        ]
        for kept in (asked(blind), asked(seeing))
    ]
    expected = np.mean(np.log(ratios[1]) - np.log(ratios[0]))
    assert changes[0].value.mean == pytest.approx(expected, abs=2e-3)


def test_questions_about_other_images_are_not_compared(tmp_path: Path) -> None:
    """As where lines of a file of own questions changed places between two runs."""
    maps = asked(seeing)
    moved = [*maps[2:4], *maps[:2], *maps[4:]]
    swapped = [replace(one, image=other.image) for one, other in zip(maps, moved, strict=True)]
    changes, missing = look_changes(run_of(tmp_path / "a", maps), [run_of(tmp_path / "b", swapped)])
    assert changes == []
    assert "4 questions, first u/k0, are about the image or patient of another question of" in missing[0]


@pytest.mark.slow
def test_under_a_knockout_kl_and_log_ar_have_no_verdict(tmp_path: Path) -> None:
    """And are not counted as tests."""
    table = compare([run(tmp_path / "a", blind), run(tmp_path / "b", with_hidden, "pai")], layer=1)
    shown = verdicts(table)
    assert shown["KL"] == shown["log AR"] == "no verdict (hidden patches)"
    assert shown["JS"] == shown["placement"] == "yes"
    assert "corrected over 2 lines" in table.table()
    assert "in-sample" not in table.table()


@pytest.mark.slow
def test_csv_has_values_and_excess(tmp_path: Path) -> None:
    table = compare([run(tmp_path / "a", blind), run(tmp_path / "b", seeing, "pai")])
    rows = list(csv.DictReader(io.StringIO(table.table("csv"))))
    headline, by_layer = rows[:8], rows[8:]
    assert [row["metric"] for row in headline] == [text for name in NAMES for text in (name, f"excess of {name}")]
    assert {row["layer"] for row in by_layer} == {"0", "1"}
    assert [row["metric"] for row in by_layer] == 2 * [
        text for name in NAMES for text in (f"{name} by layer", f"excess of {name} by layer")
    ]
    assert {row["p_holm"] for row in by_layer} == {""}
    named_layer = compare([run(tmp_path / "c", blind), run(tmp_path / "d", seeing, "pai")], layer=1)
    assert [float(row["difference"]) for row in by_layer[9::2]] == pytest.approx(
        [one.excess.mean for one in named_layer.looks]
    )
    for one, row in zip(table.looks, headline[1::2], strict=True):
        assert float(row["difference"]) == one.excess.mean
        assert (float(row["low"]), float(row["high"])) == (one.excess.low, one.excess.high)
        assert (float(row["p_holm"]), row["layer"], row["task"]) == (one.holm, str(one.choice), "t")
    assert r"\caption{Where it looks}" in table.table("latex")


@pytest.mark.slow
def test_a_run_without_maps_is_named(tmp_path: Path) -> None:
    runs = [
        run(tmp_path / "a", blind),
        run(tmp_path / "b", seeing, "pai"),
        run(tmp_path / "c", seeing, "vcd", keep=False),
    ]
    table = compare(runs)
    assert {one.run.name for one in table.looks} == {"pai"}
    assert any("No excess over other images for vcd" in note and "no maps" in note for note in table.notes)
    with pytest.raises(
        ValueError, match=r"nothing in common .* No excess over other images for vcd on t: its journal has"
    ):
        compare([runs[0], runs[2]])


@pytest.mark.slow
def test_patients_are_named_where_they_are_drawn(tmp_path: Path) -> None:
    """Also if only one of the runs names them, since an older version's journal does not."""

    def patient(one: QuestionMap) -> str:
        return f"own/patient {int(one.image.split()[1]) % 12}"

    plain = run(tmp_path / "a", blind)
    pai = replace(
        run_of(tmp_path / "b", asked(seeing), patient=patient),
        provenance={**(plain.provenance or {}), "method": spec("pai")},
    )
    table = compare([plain, pai])
    assert {(one.unit, one.excess.images) for one in table.looks} == {("patient", 12)}
    assert "p from whole patients" in table.table()
    units = {
        row["unit"]
        for row in csv.DictReader(io.StringIO(table.table("csv")))
        if row["metric"].startswith("excess of KL")
    }
    assert units == {"patient"}
