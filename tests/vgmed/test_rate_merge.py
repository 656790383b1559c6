"""Merging against a hand-computed example."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmms_vg.vgmed.rate_merge import RatingsMerged, merge
from lmms_vg.vgmed.rated_questions import RATED, read_rated, write_rated
from lmms_vg.vgmed.rating_tables import distribution_csv, distributions, kept, report
from lmms_vg.vgmed.ratings import Rating, RatingFile

KINDS = {"a1": "attribute", "a2": "attribute", "l1": "localization", "l2": "localization", "l3": "localization"}


def file(rater: str, first: dict[str, str], second: dict[str, str] | None = None) -> RatingFile:
    """A rater's file; scores are three digits."""
    rows = [(uid, 1, digits) for uid, digits in first.items()] + [
        (uid, 2, digits) for uid, digits in (second or {}).items()
    ]
    ratings = [Rating(question=uid, showing=showing, scores=tuple(map(int, digits))) for uid, showing, digits in rows]
    return RatingFile(
        format="lmms-vg ratings 1", data="d", rater=rater, seed=0, questions=5, repeats=1, ratings=ratings
    )


@pytest.fixture
def merged() -> RatingsMerged:
    """l3 is unrated; a2 is low by one rater; l2 is on both sides of 3 in Bo's repeat; Al is half finished."""
    return merge(
        KINDS,
        [
            file("Bo", {"a1": "554", "a2": "554", "l1": "535", "l2": "345"}, {"l2": "245", "a1": "544"}),
            file("Al", {"a1": "555", "a2": "525"}),
        ],
    )


def test_questions_are_dropped_with_all_their_reasons(merged: RatingsMerged) -> None:
    assert merged.raters == ["Al", "Bo"]
    assert {question.uid: question.reasons for question in merged.questions} == {
        "a1": [],
        "a2": ["low"],
        "l1": [],
        "l2": ["low", "contradictory"],
        "l3": ["unrated"],
    }
    assert [question.uid for question in kept(merged.questions)] == ["a1", "l1"]


def test_agreement_is_computed_before_dropping(merged: RatingsMerged) -> None:
    relevance, grounding, semantic = (merged.between(scale, "attribute") for scale in range(3))
    assert (relevance.alpha, relevance.percent) == (None, 100)  # all are 5: undefined
    assert (grounding.percent, grounding.questions, grounding.ratings) == (50, 2, 4)  # a1 5 5, the dropped a2 2 5
    assert semantic.percent == 0
    assert merged.between(0, "localization").questions == 0  # one rater only


def test_raters_are_compared_with_their_own_repeats(merged: RatingsMerged) -> None:
    found = [merged.within("Bo", scale) for scale in range(3)]
    assert [one.percent for one in found] == [50, 50, 100]  # a1 554 544, l2 345 245
    assert merged.within("Al", 0).percent is None


def test_two_files_of_a_rater_may_be_equal_but_not_differ() -> None:
    older, newer = file("A", {"l1": "555", "l2": "555"}), file("A", {"l1": "555", "l2": "554", "l3": "444"})
    merged = merge(KINDS, [older, newer])
    reasons = {question.uid: question.reasons for question in merged.questions}
    assert (reasons["l1"], reasons["l2"], reasons["l3"]) == ([], ["contradictory"], [])
    (problem,) = merged.problems
    assert "rater 'A': files have different scores of l2" in problem


def test_table_r6_has_percentages_of_ratings_of_kept_questions(merged: RatingsMerged) -> None:
    rows = {one.row: one for one in distributions(kept(merged.questions))}
    assert [*rows] == [
        f"{kind}, {scale}"
        for kind in ("Attribute", "Localization")
        for scale in ("clinical relevance", "visual grounding", "minimum semantic grounding")
    ]
    semantic = rows["Attribute, minimum semantic grounding"]  # a1: 4 and 5
    assert [semantic.percent(score) for score in (3, 4, 5)] == [0, 50, 50]
    assert (semantic.ratings, semantic.questions) == (2, 1)
    assert rows["Localization, visual grounding"].percent(3) == 100  # l1: 3
    assert '\n"Attribute, clinical relevance",0.0,0.0,100.0,2,1\n' in distribution_csv(merged.questions)


def test_the_report_says_undefined_and_counts(merged: RatingsMerged) -> None:
    text = "\n".join(report(merged))
    assert text.startswith("# 2 of 5 questions are kept\n")
    assert "| attribute | Clinical relevance | undefined | 100.0 | 2 | 4 |" in text
    assert "| low | a score below 3 | 2 |" in text
    assert "| Al | Clinical relevance | - | - | 0 | 0 |" in text
    assert "krippendorff:" in text


def test_all_equal_ratings_are_no_error() -> None:
    raters = [file(name, dict.fromkeys(KINDS, "555"), {"a1": "555"}) for name in "ABC"]
    merged = merge(KINDS, raters)
    assert len(kept(merged.questions)) == 5
    assert "\n".join(report(merged)).count("undefined") == 6 + 9


def test_merged_questions_are_read_back(merged: RatingsMerged, tmp_path: Path) -> None:
    write_rated(merged.questions, tmp_path)
    assert read_rated(tmp_path) == merged.questions
    with (tmp_path / RATED).open("a") as lines:
        lines.write('{"uid": 1}\n')
    with pytest.raises(ValueError, match=r"ratings.jsonl, line 6: uid"):
        read_rated(tmp_path)
    with pytest.raises(ValueError, match="name the folder that lmms-vg vgmed rate merge wrote"):
        read_rated(tmp_path / "none")
