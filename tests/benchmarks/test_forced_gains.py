"""The script says "better" where forced choice does, and only there; runs without first-token values have no verdict."""

from __future__ import annotations

from math import log
from pathlib import Path

import pytest
from saved_run import IDENTITY, closed, save, spec

from benchmarks.forced_gains import main


def run(folder: Path, right: int, method: str, sure: float | None) -> str:
    """Sixty questions, all answered yes; the first token prefers the right answer to some of them."""
    lines = []
    for number in range(60):
        line = closed(f"q{number}", 1, f"i{number}") | {"target": "Yes"}
        if sure is not None:
            yes = sure if number < right else 1 - sure
            line["n"]["first_token"] = {"log_p": {"yes": log(yes / 2), "no": log((1 - yes) / 2)}, "mass": 0.5}
        lines.append(line)
    return str(save(folder, {"t": lines}, run=IDENTITY | {"method": spec(method)}))


@pytest.mark.parametrize(("right", "status", "said"), [(50, 1, "**better**"), (31, 0, "no gain"), (5, 0, "no gain")])
def test_the_status_is_that_of_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], right: int, status: int, said: str
) -> None:
    runs = [run(tmp_path / "p", 30, "plain", 0.9), run(tmp_path / "m", right, "vcd", 0.9)]
    assert main(runs) == status
    assert f"| {said} |" in capsys.readouterr().out


def test_runs_without_first_token_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([run(tmp_path / "p", 30, "plain", None), run(tmp_path / "m", 60, "vcd", None)]) == 0
    assert "| no values |" in capsys.readouterr().out
