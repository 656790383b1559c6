"""Scoring of closed and multiple-choice answers: items, means, intervals and breakdowns, against hand-computed values."""

from __future__ import annotations

from typing import Any

import pytest

from lmms_vg import journal
from lmms_vg.datasets import counts
from lmms_vg.tasks import metric_items, scoring_closed

OPTIONS = ["CT", "MRI", "X-ray"]


def doc(uid: str, answer: str = "No", task: str = "vqa_rad_closed", **more: Any) -> dict[str, Any]:
    about = {"modality": "", "organ": "HEAD", "content_type": "", "question_type": "PRES", "options": []}
    return {"task": task, "uid": uid, "answer": answer, "image": f"vqa_rad:{uid}"} | about | more


def remember(uid: str, error: str | None = None, task: str = "vqa_rad_closed") -> None:
    journal.remember(journal.Record(key=uid, task=task, uid=uid, error=error, error_code=error and "model"))


def scored(answers: dict[str, str], **organs: str) -> dict[str, list[Any]]:
    results = [
        scoring_closed.closed_results(doc(uid, organ=organs.get(uid, "HEAD")), [text]) for uid, text in answers.items()
    ]
    return {metric: [result[metric] for result in results] for metric in results[0]}


def test_a_foreign_model_is_scored_by_its_text() -> None:
    items = scored({"1": "No.", "2": "Normal", "3": "yes"})
    rule = items["acc"][0].pop("rule")
    assert rule.startswith("closed|rule:")
    about = {"organ": "HEAD", "question_type": "PRES"}
    assert items["acc"][0] == {"score": 1, "extracted": "no", "uid": "1", "image": "vqa_rad:1", "about": about}
    assert items["acc"][1]["extracted"] is None
    assert metric_items.mean_score(items["acc"]) == pytest.approx(1 / 3)
    assert scoring_closed.unparseable(items["unparseable"]) == pytest.approx(1 / 3)
    assert metric_items.n(items["n"]) == 3


def test_failed_answer_is_not_a_wrong_answer() -> None:
    remember("1", error="cannot read the image")
    items = scored({"1": "", "2": "no"})
    assert all(
        "score" not in items[metric][0] and "error" in items[metric][0] for metric in ("acc", "ci95", "unparseable")
    )
    assert metric_items.mean_score(items["acc"]) == 1.0
    assert scoring_closed.unparseable(items["unparseable"]) == 0.0
    assert scoring_closed.ci95(items["ci95"]) is None, "one image says nothing of others"
    assert metric_items.answered(items["answered"]) == 0.5
    assert metric_items.n(items["n"]) == 1


def test_our_answers_are_scored_too() -> None:
    remember("1")
    assert scored({"1": "no"})["acc"][0]["score"] == 1


def test_macro_weighs_categories_alike_and_says_them() -> None:
    """HEAD has 1 of 3 correct, CHEST 1 of 1: micro 1/2, macro 2/3."""
    items = scored({"1": "no", "2": "yes", "3": "yes", "4": "no"}, **{"4": "CHEST"})
    assert metric_items.mean_score(items["acc"]) == 0.5
    lines: list[str] = []
    handler = scoring_closed.logger.add(lambda line: lines.append(str(line)), level="INFO", format="{message}")
    assert scoring_closed.macro(items["macro_organ"]) == pytest.approx(2 / 3)
    scoring_closed.logger.remove(handler)
    assert lines == ["vqa_rad_closed: accuracy by organ: CHEST 1.000 (n 1), HEAD 0.333 (n 3)\n"]


def test_interval_draws_whole_images() -> None:
    """Ten images with ten equal answers each count as ten, not a hundred: the interval is about three times as wide."""
    hits = [index // 10 % 2 for index in range(100)]
    together = scoring_closed.ci95([{"correct": hit, "image": str(index // 10)} for index, hit in enumerate(hits)])
    apart = scoring_closed.ci95([{"correct": hit, "image": str(index)} for index, hit in enumerate(hits)])
    assert 2.5 < (together[1] - together[0]) / (apart[1] - apart[0]) < 3.5
    assert together == scoring_closed.ci95(
        [{"correct": hit, "image": str(index // 10)} for index, hit in enumerate(hits)]
    )


def test_substring_rule_stands_beside_ours() -> None:
    """LLaVA-Med's rule reads "normal" as no."""
    items = scoring_closed.yes_no_results(doc("1"), ["It is normal."])
    assert (items["acc"]["score"], items["llava_med"]["score"]) == (0, 1)
    remember("2", error="boom")
    assert scoring_closed.yes_no_results(doc("2"), ["no"])["llava_med"]["error"] == "boom"


@pytest.mark.parametrize(
    ("results", "text", "expected"),
    [
        (scoring_closed.choice_results, "The answer is B.", ("B", 1)),
        (scoring_closed.choice_results, "mri", ("B", 1)),
        (scoring_closed.choice_results, "A or B", (None, 0)),
        (scoring_closed.chen_results, "B. MRI", ("B", 1)),
        (scoring_closed.chen_results, "b", ("b", 0)),  # as published: letters are compared as they are written
        (scoring_closed.chen_results, "MRI", (None, 0)),  # the released scorer crashes here
    ],
)
def test_choices(results: Any, text: str, expected: tuple[str | None, int]) -> None:
    items = results(doc("1", "B", "pmc_vqa", options=OPTIONS), [text])["acc"]
    assert (items["extracted"], items["score"]) == expected


def test_choice_without_a_right_letter_fails_instead_of_being_wrong() -> None:
    items = scoring_closed.choice_results(doc("1", "", "pmc_vqa", options=OPTIONS), ["A"])
    assert "error" in items["acc"]
    assert items["answered"] == 0


@pytest.mark.parametrize(
    ("answer", "text", "score"),
    [
        ("['4', 'four units']", "4.", 1),
        ("['4', 'four units']", "Four units", 1),
        ("['4', 'four units']", "5", 0),
        ("37", "37", 1),
        ("[broken", "[broken", 1),
        ("[]", "[]", 0),
        ("['', '4']", "4", 1),
        ("[{[]: 1}]", "2", 0),
        ("[" + "-" * 100_000 + "1]", "2", 0),
    ],
)
def test_open_mmmu_questions_accept_any_of_their_answers(answer: str, text: str, score: int) -> None:
    task = "mmmu_med_pharmacy"
    try:
        items = scoring_closed.mmmu_results(doc("1", answer, task), [text])["acc"]
    finally:
        journal.forget()
    assert items.get("score", 0) == score


def test_mmmu_questions_with_options_want_the_letter() -> None:
    items = scoring_closed.mmmu_results(doc("1", "B", "mmmu_med_pharmacy", options=OPTIONS), ["(B)"])
    assert items["acc"]["score"] == 1
    assert items["acc"]["rule"].startswith("choice|")


def test_mmmu_average_goes_by_the_test_split() -> None:
    """Public Health has 509 of 1,752 questions."""
    assert scoring_closed.weighted_as_mmmu([0, 0, 0, 0, 1], [30] * 5, True) == pytest.approx(509 / 1752)
    assert scoring_closed.weighted_as_mmmu([1, 1, 1, 1], [30] * 4, True) is None
    assert scoring_closed.weighted_as_mmmu([1, 1, None, 1, 1], [30] * 5, True) is None


def test_a_group_pools_all_questions_or_has_no_value() -> None:
    assert scoring_closed.pooled([0.5, 1.0], [30, 10], True) == pytest.approx(25 / 40)
    assert scoring_closed.pooled([0.5, None], [30, 10], True) is None


def test_part_of_the_data_is_said_with_every_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "deviations", {"slake closed/test": "5 found"})
    assert scored({"1": "no"})["n"] == [{"answered": 1, "partial": True}]


def test_no_answer_at_all_has_no_value() -> None:
    remember("1", error="cannot read the image")
    items = scored({"1": ""})
    for aggregate, metric in (
        (metric_items.mean_score, "acc"),
        (scoring_closed.ci95, "ci95"),
        (scoring_closed.macro, "macro_organ"),
    ):
        assert aggregate(items[metric]) is None
