"""The draw of the gallery: by a rule, even over groups, and the same whatever the order of the questions."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import study_pages

from lmms_vg.study.page.input import AskedQuestions, SideAnswers
from lmms_vg.study.page.sample import draw, fifths, rule


def unequal(n: int = 400) -> AskedQuestions:
    """One question in 20 is an MR."""
    asked = study_pages.asked(n, 1)
    return replace(asked, tasks=["t"] * n, modalities=["MR" if i % 20 == 0 else "CT" for i in range(n)])


def names(asked: AskedQuestions, drawn: list[int]) -> list[str]:
    return [f"{asked.tasks[i]} {asked.uids[i]}" for i in drawn]


def test_every_group_gives_equally_many() -> None:
    asked = unequal()
    drawn = draw(asked, 40, 0)
    assert len(set(drawn)) == 40
    assert Counter(asked.modalities[i] for i in drawn) == {"MR": 20, "CT": 20}, "four of each of five fifths"
    ct = np.array([i for i, modality in enumerate(asked.modalities) if modality == "CT"])
    edges = np.quantile(asked.sides[0].placement[ct], [0.2, 0.4, 0.6, 0.8])
    shown = [asked.sides[0].placement[i] for i in drawn if asked.modalities[i] == "CT"]
    assert (np.abs(np.bincount(np.searchsorted(edges, shown), minlength=5) - 4) <= 1).all()


def test_the_first_of_a_draw_are_a_smaller_draw_and_exhausted_groups_leave_the_rest() -> None:
    asked = unequal()
    assert draw(asked, 100, 0)[:37] == draw(asked, 37, 0)
    assert sorted(draw(asked, 1000, 0)) == [*range(400)]
    assert draw(asked, 0, 0) == []


def test_seed_and_names_decide_and_order_does_not() -> None:
    asked = unequal()
    order = np.random.default_rng(5).permutation(400)
    side = asked.sides[0]
    mixed = AskedQuestions(
        *([values[i] for i in order] for values in (asked.uids, asked.tasks, asked.modalities)),
        asked.shares[order],
        [SideAnswers(*(values[order] for values in side))],
    )
    assert names(asked, draw(asked, 60, 3)) == names(mixed, draw(mixed, 60, 3))
    assert names(asked, draw(asked, 60, 3)) != names(asked, draw(asked, 60, 4))


def test_fifths_of_known_values_only() -> None:
    assert fifths(np.arange(10.0)) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert fifths(np.array([np.nan, 0.5, 0.5, 0.5])) == [-1, 0, 0, 0]
    assert fifths(np.array([])) == []


def test_questions_without_placement_are_a_group_too_and_the_rule_is_in_words() -> None:
    asked = unequal()
    asked.sides[0].placement[:200] = np.nan
    drawn = draw(asked, 120, 0)
    lost = [asked.modalities[i] for i in drawn if i < 200]
    assert lost.count("MR") == 10, "all of them: there are only ten"
    assert lost.count("CT") in (16, 17), "a sixth of the 100 that the 20 MR leave: a group beside five fifths"
    assert "120 of 400 questions are shown, drawn with seed 7" in rule(asked, 120, 7)
    with pytest.raises(ValueError, match="-1 samples: allowed is 0 or more"):
        draw(asked, -1, 0)
