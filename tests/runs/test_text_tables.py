"""Whatever a cell holds, a row is one line with as many cells as were given."""

from __future__ import annotations

import csv
import io

import pytest

from lmms_vg.runs.text_tables import comma_separated, escape, latex, markdown, row


def test_cells_stand_between_pipes() -> None:
    assert row("task", "0.5000", "") == "| task | 0.5000 |  |"


@pytest.mark.parametrize("cell", ["a|b", "a\nb", "a\r\nb", "a\u2028b", "a\x85b", "|a\n|b|\n"])
def test_names_from_outside(cell: str) -> None:
    line = row(cell, "n")
    assert len(line.splitlines()) == 1
    assert line.count("|") == 3
    assert "a" in line
    assert "b" in line


def test_markdown_table() -> None:
    text = markdown(["a|b", "n"], [["x", "1"]], texts=1)
    assert text.splitlines() == ["| a/b | n |", "|---|---:|", "| x | 1 |"]


def test_latex_table() -> None:
    text = latex(["a_b", "n"], [["50%", "1"], ["x & y", "2"]], texts=1)
    assert text.splitlines() == [
        *(r"\begin{tabular}{lr}", r"\toprule", r"a\_b & n \\", r"\midrule"),
        *(r"50\% & 1 \\", r"x \& y & 2 \\", r"\bottomrule", r"\end{tabular}"),
    ]


def test_latex_prints_every_sign_as_it_stands() -> None:
    assert escape("a_b & 5% $x #1 {y} ~z^2") == r"a\_b \& 5\% \$x \#1 \{y\} \textasciitilde{}z\textasciicircum{}2"
    assert escape("\\input{x}\n") == r"\textbackslash{}input\{x\}"
    assert escape("p < 0.05 | q > 1") == r"p \textless{} 0.05 \textbar{} q \textgreater{} 1"
    assert escape("--allow") == "-{}-allow", "two hyphens are no dash"


def test_comma_separated_values_read_back() -> None:
    rows = [["a,b", 0.1 + 0.2, None], ['say "x"', 1, "two\nlines"]]
    text = comma_separated(["one", "two", "three"], rows)
    assert list(csv.reader(io.StringIO(text)))[1:] == [
        ["a,b", "0.30000000000000004", ""],
        ['say "x"', "1", "two\nlines"],
    ]
