"""Excess in a report: blind attention is "not shown", attention that finds the boxes is, and what has no maps says so."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from looks import asked, blind, run_of, seeing, with_hidden
from saved_run import tables

from lmms_vg import journal
from lmms_vg.journal import Journal
from lmms_vg.metrics.statistics import holm
from lmms_vg.runs.grounding import Grounding, corrected, grounding
from lmms_vg.runs.journal_of import journal_of
from lmms_vg.runs.report import report


def looks(text: str) -> dict[str, str]:
    """Measure -> the last cell of its row."""
    (table,) = (cells for cells in tables(text) if cells[0][0] == "against other images")
    return {cells[2]: cells[-1] for cells in table[1:]}


@pytest.mark.parametrize("layer", [0, 1])
def test_blind_attention_is_not_shown(tmp_path: Path, layer: int) -> None:
    """Whose raw AR is above 1, as boxes stand in the middle and it prefers the middle."""
    run = run_of(tmp_path, asked(blind))
    result = grounding(run, {"t": layer})["t"]
    assert isinstance(result, Grounding)
    assert result.looked["log AR"].value > 0.2
    shown = looks(report(run, layer))
    assert {name: shown[name] for name in ("log AR", "KL", "JS")} == dict.fromkeys(("log AR", "KL", "JS"), "not shown")


def test_attention_that_finds_the_boxes_is_shown(tmp_path: Path) -> None:
    text = report(run_of(tmp_path, asked(seeing)))
    assert looks(text) == dict.fromkeys(("log AR", "KL", "JS", "placement"), "shown")
    assert "0 (in-sample)" in text
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
    result = grounding(run, {"t": 1})["t"]
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

    result = grounding(run_of(tmp_path, asked(hides)), {"t": 1})["t"]
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
