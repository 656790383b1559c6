"""A method stands beside the plain run of its own model, under its own circumstances, on the same questions."""

from __future__ import annotations

from math import nan

from entries import entry

from lmms_vg.leaderboard.plain_runs import plain_runs, shared

SCORES = {"vqa_demo_hard": [1, 0, 1], "vqa_demo_standard": [1, 1, 0]}


def test_of_its_own_model_under_its_own_circumstances() -> None:
    entries = [
        entry("a-plain", SCORES, weights="a"),
        entry("b-plain", SCORES, weights="b"),
        entry("b-half", SCORES, weights="b", dtype="float16"),
        entry("b-pai", SCORES, weights="b", method="PAI(alpha=0.5)"),
        entry("c-pai", SCORES, weights="c", method="PAI(alpha=0.5)"),
    ]
    assert {id: plain.id for id, plain in plain_runs(entries).items()} == {"b-pai": "b-plain"}


def test_of_several_the_one_with_most_in_common_then_the_first_by_id() -> None:
    hard = {"vqa_demo_hard": [1, 0, 1]}
    entries = [entry("z", SCORES), entry("a", hard), entry("y", SCORES), entry("pai", SCORES, method="PAI()")]
    assert plain_runs(entries)["pai"].id == "y"
    assert plain_runs(entries[::-1])["pai"].id == "y"


def test_only_the_same_questions_rule_and_unscored_are_shared() -> None:
    one = entry("one", SCORES)
    assert shared(one, entry("two", SCORES)) == ["vqa_demo_hard", "vqa_demo_standard"]
    assert shared(one, entry("two", SCORES, questions={"vqa_demo_hard": "others"})) == ["vqa_demo_standard"]
    assert shared(one, entry("two", SCORES, rules={"vqa_demo_hard": "another"})) == ["vqa_demo_standard"]
    assert shared(one, entry("two", SCORES | {"vqa_demo_hard": [1, 0, nan]})) == ["vqa_demo_standard"]
    other = [entry("plain", {"vqa_demo_hard": [1, 0]}), entry("pai", SCORES, method="PAI()")]
    assert plain_runs(other) == {}, "nothing in common"
