"""Where a difference lives: runs that only become readable, only say yes more often, or see better."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from said import said_run
from saved_run import closed, opened, save, tables

from lmms_vg.runs.compare import compare
from lmms_vg.runs.comparison import Comparison
from lmms_vg.runs.lmms_eval_output import read_run

N = 600


def of_signal(
    folder: Path, before: tuple[float, float], after: tuple[float, float], unreadable: float = 0
) -> Comparison:
    """Two runs that say yes above a criterion to a signal of a strength; a share of the first's answers is not readable."""
    rng = np.random.default_rng(5)
    truth = rng.random(N) < 0.65
    noise = [rng.normal(size=N) for _ in range(2)]
    said = [
        (truth * strength + of_run > criterion).tolist()
        for (strength, criterion), of_run in zip((before, after), noise, strict=True)
    ]
    first = [None if rng.random() < unreadable else yes for yes in said[0]]
    runs = [said_run(folder / "plain", first, truth.tolist()), said_run(folder / "pai", said[1], truth.tolist(), "pai")]
    return compare(runs)


@pytest.mark.parametrize(
    ("before", "after", "unreadable", "source"),
    [
        ((0, 0), (0, -0.85), 0, "criterion"),  # blind, yes-rate .5 and .8
        ((1, 1.1), (1, 0.1), 0, "criterion"),
        ((1, 0.5), (2.5, 1.25), 0, "seeing"),
        ((0, 0), (0, 0), 0.4, "format"),
    ],
)
def test_where_a_gain_lives(
    tmp_path: Path, before: tuple[float, float], after: tuple[float, float], unreadable: float, source: str
) -> None:
    comparison = of_signal(tmp_path, before, after, unreadable)
    against = comparison.lines[1].against
    assert against is not None
    assert against.holm < 0.05
    assert against.difference.mean > 0
    assert against.source == source
    text = comparison.table()
    assert (f"lives in the {source}" in text) == (source != "seeing")
    (said,) = (table for table in tables(text) if "lives in" in table[0])
    assert said[2][-1] == source
    row = list(csv.DictReader(io.StringIO(comparison.table("csv"))))[1]
    assert row["lives_in"] == source
    assert float(row["unreadable"]) == 0


def test_a_difference_that_is_not_significant_lives_nowhere(tmp_path: Path) -> None:
    against = of_signal(tmp_path, (1, 0.5), (1, 0.5)).lines[1].against
    assert against is not None
    assert against.source is None
    assert "lives in the" not in of_signal(tmp_path / "again", (1, 0.5), (1, 0.5)).table()


def test_parts_add_up_to_the_difference(tmp_path: Path) -> None:
    against = of_signal(tmp_path, (1, 0.5), (1, 0.3), 0.2).lines[1].against
    assert against is not None
    assert against.change is not None
    parts = against.change.parts
    total = parts.both.net + parts.newly.net + parts.no_longer.net
    assert total == pytest.approx(against.difference.mean * N)
    assert total == against.better - against.worse


def test_answers_that_are_never_yes_or_no(tmp_path: Path) -> None:
    """Nothing is read in any answer of either run: all are wrong, and all is said."""
    truth = [True, False] * 20
    runs = [said_run(tmp_path / name, [None] * 40, truth, name) for name in ("plain", "pai")]
    comparison = compare(runs)
    line = comparison.lines[1]
    assert line.said is not None
    assert (line.score, line.said.unreadable, line.said.detection) == (0, 1, None)
    assert line.against is not None
    assert (line.against.difference.p, line.against.source) == (1, None)
    assert "| 1.000 |" in comparison.table()


@pytest.mark.parametrize("right", [True, False])
def test_references_of_one_class_only(tmp_path: Path, right: bool) -> None:
    """d' is not to be had; a significant gain cannot be called seeing."""
    said = [[not right] * 60 + [right] * 20, [right] * 80]
    runs = [
        said_run(tmp_path / name, yes, [right] * 80, name, 1) for name, yes in zip(("plain", "pai"), said, strict=True)
    ]
    comparison = compare(runs)
    against = comparison.lines[1].against
    assert against is not None
    assert against.holm < 0.05
    assert against.change is not None
    assert against.change.shift is None
    assert "one class" in comparison.table()
    assert against.source == "cannot tell"


def test_samples_that_do_not_say_what_was_read(tmp_path: Path) -> None:
    """Open questions, and samples of tools that leave it out: the rest is shown, and what is missing is named."""
    lines = [closed(f"q{i}", 1) for i in range(3)]
    for line in lines:
        del line["acc"]["extracted"]
    bare = read_run(save(tmp_path / "a", {"t": lines, "o": [opened("q1", 0.5)]}))
    other = read_run(
        save(tmp_path / "b", {"t": [closed(f"q{i}", 1) for i in range(3)], "o": [opened("q1", 0.5)]}, model="m")
    )
    comparison = compare([bare, other])
    assert [line.said is None for line in comparison.lines] == [True, True, False, True]
    assert all(line.against.change is None for line in comparison.tested if line.against)
    assert "What was said is not known of huatuo_plain" in comparison.table()


def test_single_questions_and_images(tmp_path: Path) -> None:
    runs = [said_run(tmp_path / name, [yes], [True], name) for name, yes in (("plain", False), ("pai", True))]
    against = compare(runs).lines[1].against
    assert against is not None
    assert (against.difference.mean, against.difference.p, against.equal) == (1, 1, "cannot tell")
    assert "too few images" in compare(runs).table()


def test_one_answer_that_became_readable_does_not_make_a_gain_one_of_format(tmp_path: Path) -> None:
    """20 better and 8 worse is p .036, without the one that became readable .052: format brought 1 of 12 right answers."""
    right = [False] * 20 + [True] * 80
    truth = [True, False] * 50
    first = [yes if good else not yes for yes, good in zip(truth, right, strict=True)]
    second = [*truth[:20], *(not yes for yes in truth[20:28]), *truth[28:]]
    runs = [
        said_run(tmp_path / "plain", [None, *first[1:]], truth, each=1),
        said_run(tmp_path / "pai", second, truth, "pai", each=1),
    ]
    comparison = compare(runs)
    against = comparison.lines[1].against
    assert against is not None
    assert against.change is not None
    assert against.change.parts.readable is not None
    assert (round(against.holm, 3), round(against.change.parts.readable.p, 3)) == (0.036, 0.052)
    assert against.change.parts.newly == (1, 1)
    assert against.source == "cannot tell"
    assert "cannot be told from these answers" in comparison.table()
