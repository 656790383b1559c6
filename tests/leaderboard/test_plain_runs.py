"""A method stands beside the plain run of its own model, under its own circumstances, on the same questions."""

from __future__ import annotations

from math import nan

from entries import entry

from lmms_vg.leaderboard.plain_runs import disputed, is_copy, plain_runs, shared

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


def test_one_more_task_does_not_buy_belief() -> None:
    """A forged plain run with the same card and more tasks contradicts the model's own: neither is taken."""
    own = entry("z-plain", {"vqa_rad_closed": [1, 0]})
    forged = entry("a-forged", {"vqa_rad_closed": [0, 0], "slake_closed": [0, 0]})
    method = entry("method", {"vqa_rad_closed": [1, 1], "slake_closed": [1, 1]}, method="PAI()")
    assert plain_runs([own, forged, method]) == {}
    assert disputed([own, forged, method]) == {"method": ["a-forged", "z-plain"]}


def test_any_two_that_differ_are_found() -> None:
    """Also where both agree with a third, which has neither of their tasks."""
    tasks = ("vqa_demo_hard", "vqa_demo_standard")
    first = entry("a", {tasks[0]: [1, 0]})
    others = [entry(id, {tasks[1]: [value, 0]}) for id, value in (("b", 1), ("c", 0))]
    method = entry("pai", {task: [1, 1] for task in tasks}, method="PAI()")
    assert disputed([first, *others, method]) == {"pai": ["a", "b", "c"]}
    assert plain_runs([first, others[0], method])["pai"].id == "a"


def test_accuracy_counts_before_attention_and_protocols_do_not_mix() -> None:
    """So that a page and the table of accuracies name the same plain run."""
    closed = entry("p-closed", {"vqa_rad_closed": [1, 0]})
    looks = entry("p-looks", {"vgmed_localization": [1.0], "vgmed_attribute": [1.0]}, protocol=None)
    scores = {"vqa_rad_closed": [1, 1], "vgmed_localization": [2.0], "vgmed_attribute": [2.0]}
    method = entry("m", scores, method="PAI()")
    assert plain_runs([closed, looks, method])["m"].id == "p-closed"
    assert plain_runs([looks, method])["m"].id == "p-looks", "measurements stand under every protocol"
    assert plain_runs([entry("t", {"vqa_rad_closed": [1, 0]}, protocol="test"), method]) == {}


def test_copies() -> None:
    one = entry("b", SCORES)
    assert is_copy(one, entry("a", SCORES))
    assert not is_copy(one, entry("c", SCORES)), "of equals the smaller id stays"
    assert is_copy(one, entry("c", SCORES | {"vqa_rad_closed": [1]})), "which has more stays"
    assert not is_copy(entry("b", SCORES | {"vqa_rad_closed": [1]}), entry("a", SCORES))
    for other in ({"method": "PAI()"}, {"weights": "x"}, {"dtype": "float16"}):
        assert not is_copy(one, entry("a", SCORES, **other))
    assert not is_copy(one, entry("a", SCORES | {"vqa_demo_hard": [1, 1, 1]}))
    assert not is_copy(one, one)
