"""The benchmark of values of heads checks what it reads, and prints every figure."""

from __future__ import annotations

import pytest

from benchmarks import head_values


def test_every_figure_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    head_values.main(["--questions", "70", "--layers", "2", "--heads", "3"])
    said = capsys.readouterr().out
    assert "70 questions x 2 layers x 3 heads" in said
    assert [line.partition(" values: ")[0] for line in said.splitlines()[2:]] == ["3", "5"]
    for figure in ("write ", "read, all means ", "MB ", "write with records ", "open ", "read with records "):
        assert said.count(f"{figure}") >= 2
