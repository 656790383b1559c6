"""The best of several settings: how high luck alone lifts it, and that it is judged on other images."""

from __future__ import annotations

from math import isnan
from pathlib import Path

import numpy as np
import pytest
from saved_run import IDENTITY, closed, save, spec

from lmms_vg.runs.best_setting import choose_on_half, chosen_notes, expected_highest, highest_note
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run


def saved(folder: Path, scores: list[int], each: int = 1, **hyper_parameters: int) -> Run:
    lines = [closed(f"q{i}", score, f"i{i // each}") for i, score in enumerate(scores)]
    method = spec("vgrefine" if hyper_parameters else "plain", **hyper_parameters)
    return read_run(save(folder, {"t": lines}, run=IDENTITY | {"method": method}))


def equal_settings(folder: Path, count: int, n: int = 400) -> tuple[Run, list[Run]]:
    """Settings that each change one answer in ten at random."""
    rng = np.random.default_rng(0)
    plain = rng.integers(0, 2, n)
    runs = [
        saved(folder / str(k), np.where(rng.random(n) < 0.1, rng.integers(0, 2, n), plain).tolist(), k=k)
        for k in range(1, count + 1)
    ]
    return saved(folder / "plain", plain.tolist()), runs


def test_luck_lifts_the_best_of_many_as_far_as_the_normal_approximation_says(tmp_path: Path) -> None:
    """Independent differences of standard error sqrt(.05 / 400): the highest of 10 lies 1.54 of them up, of one nowhere."""
    plain, settings = equal_settings(tmp_path, 10)
    error = np.sqrt(0.05 / 400)
    assert expected_highest(plain, settings, ["t"]) == pytest.approx(1.54 * error, rel=0.12)
    assert expected_highest(plain, settings[:1], ["t"]) == pytest.approx(0, abs=0.1 * error)
    assert "all 10 settings were exactly as good as plain" in highest_note(plain, settings, {"t": ["t"]})


@pytest.mark.slow
def test_the_chosen_one_is_judged_on_the_other_images(tmp_path: Path) -> None:
    plain, settings = equal_settings(tmp_path, 10)
    chosen = choose_on_half(plain, settings, ["t"])
    assert chosen is not None
    assert (chosen.chosen_on, chosen.n) == (200, 200)
    assert chosen.there > chosen.difference.mean, "what lifted it there is luck"
    assert chosen == choose_on_half(plain, settings, ["t"]), "the halves are always the same"
    other = choose_on_half(plain, settings, ["t"], seed=1)
    assert other is not None
    assert other.there != chosen.there
    (note,) = chosen_notes(plain, settings, {"t": ["t"]})
    assert "on the other half, 200 questions" in note


def test_equal_settings_take_the_first_and_a_single_image_none(tmp_path: Path) -> None:
    plain = saved(tmp_path / "plain", [1, 0] * 10)
    settings = [saved(tmp_path / str(k), [1, 0] * 10, k=k) for k in (1, 2)]
    chosen = choose_on_half(plain, settings, ["t"])
    assert chosen is not None
    assert chosen.run is settings[0]
    assert (chosen.difference.mean, chosen.difference.p) == (0, 1)
    alone = saved(tmp_path / "a", [1, 0], each=2)
    other = saved(tmp_path / "b", [1, 1], each=2, k=1)
    assert choose_on_half(alone, [other], ["t"]) is None
    assert isnan(expected_highest(alone, [other], ["t"]))
    assert "single image" in highest_note(alone, [other], {"t": ["t"]}) + chosen_notes(alone, [other], {"t": ["t"]})[0]
