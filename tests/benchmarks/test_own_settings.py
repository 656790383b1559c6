"""The simulation in short: settings of one's own move nobody else, and a leaderboard that let them would be found out."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import own_settings


def test_nobody_else_is_moved(capsys: pytest.CaptureFixture[str]) -> None:
    assert own_settings.main(["--repetitions", "5", "--seed", "1"]) == 0
    shown = capsys.readouterr().out
    assert "Simulated, 5 repetitions, seed 1" in shown
    assert "| another's rank or estimate moved | 0 | 0 |" in shown
    assert "| another's p or difference moved | 0 | 0 |" in shown


def test_own_p_pays_for_own_settings() -> None:
    found = [own_settings.moved(np.random.default_rng(seed)) for seed in range(5)]
    assert any(one.own_p for one in found)


def test_ranks_that_count_every_setting_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """If each setting were a method of its own, ranks of others would move."""
    entry = own_settings.entry

    def as_a_method(id: str, *others: object) -> object:
        made = entry(id, *others)  # type: ignore[arg-type]
        if not id[-1].isdigit():
            return made
        method = made.run.method.model_copy(update={"name": f"pai{id.split()[-1]}"})
        run = made.run.model_copy(update={"method": method})
        manifest = made.manifest.model_copy(update={"run": run})
        return type(made)(made.id, manifest, made.scores, arrival=made.arrival)

    monkeypatch.setattr(own_settings, "entry", as_a_method)
    assert any(own_settings.moved(np.random.default_rng(seed)).ranks for seed in range(3))
