"""A method is paired with the plain run of its own model, under its own circumstances, on the same questions."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import pytest
from entries import entry
from saved_run import spec

from lmms_vg.leaderboard.plain_pairing import plain_runs
from lmms_vg.submission.validated import Entry

SCORES = {"vqa_demo_hard": [1, 0, 1], "vqa_demo_standard": [1, 1, 0]}
HARD, STANDARD = SCORES


def of(entries: Sequence[Entry], id: str = "pai") -> dict[str, str]:
    """Return task -> id of the plain run that a method is paired with."""
    found = plain_runs(entries)
    return {task: plain.id for task, plain in found[id].of.items()} if id in found else {}


def pai(**changes: object) -> Entry:
    return entry("pai", **({"scores": SCORES, "method": spec("pai")} | changes))  # type: ignore[arg-type]


def test_of_its_own_model_under_its_own_circumstances() -> None:
    entries = [
        entry("a-plain", SCORES, weights="a"),
        entry("b-plain", SCORES, weights="b"),
        entry("b-half", SCORES, weights="b", dtype="float16"),
        entry("b-pai", SCORES, weights="b", method=spec("pai", alpha=0.5)),
        entry("c-pai", SCORES, weights="c", method=spec("pai", alpha=0.5)),
    ]
    assert plain_runs(entries).keys() == {"b-pai"}
    assert of(entries, "b-pai") == dict.fromkeys(SCORES, "b-plain")


def test_of_several_that_say_the_same_the_first_by_id() -> None:
    entries = [entry("z", SCORES), entry("a", {HARD: SCORES[HARD]}), entry("y", SCORES), pai()]
    assert of(entries) == of(entries[::-1]) == {HARD: "a", STANDARD: "y"}


def test_only_the_same_questions_rule_and_unscored_are_shared() -> None:
    assert of([entry("p", SCORES), pai()]) == {HARD: "p", STANDARD: "p"}
    for change in ({"questions": {HARD: "others"}}, {"rules": {HARD: "another"}}):
        assert of([entry("p", SCORES, **change), pai()]) == {STANDARD: "p"}  # type: ignore[arg-type]
    assert of([entry("p", SCORES | {HARD: [1, 0, nan]}), pai()]) == {STANDARD: "p"}
    assert of([entry("p", {HARD: [1, 0]}), pai()]) == {}, "nothing in common"


@pytest.mark.parametrize("arrivals", [(None, None), (4, 4)])
def test_without_an_order_two_that_differ_are_not_believed(arrivals: tuple[int | None, int | None]) -> None:
    """Neither is used on the task where they differ; on the other task one is."""
    one, other = arrivals
    own = entry("z", SCORES, arrival=one)
    forged = entry("a", SCORES | {HARD: [0, 0, 0]}, arrival=other)
    found = plain_runs([own, forged, pai()])["pai"]
    assert found.disputed == {HARD: ["a", "z"]}
    assert of([own, forged, pai()]) == {STANDARD: "a"}


def test_any_two_that_differ_are_found() -> None:
    entries = [entry(id, {HARD: row}) for id, row in {"a": [1, 0, 1], "b": [1, 0, 1], "c": [1, 0, 0]}.items()]
    assert plain_runs([*entries, pai()])["pai"].disputed == {HARD: ["a", "b", "c"]}


def test_the_first_to_come_is_believed_and_who_contradicts_it_is_named() -> None:
    own = entry("z", SCORES, arrival=3)
    late = entry("a", SCORES | {HARD: [0, 0, 0]}, arrival=7)
    uncommitted = entry("b", SCORES | {HARD: [0, 0, 0]})
    found = plain_runs([own, late, uncommitted, pai()])["pai"]
    assert of([own, late, uncommitted, pai()]) == {HARD: "z", STANDARD: "z"}
    assert found.disputed == {}
    assert found.contradicted == {HARD: ["a", "b"]}


def test_a_submitters_own_comes_before_what_strangers_sent_earlier() -> None:
    stranger = entry("a", {HARD: [0, 0, 0]}, name="Not mine", arrival=1)
    own = entry("b", {HARD: [1, 0, 1]}, name="Mine", arrival=2)
    assert of([stranger, own, pai(name="Mine")]) == {HARD: "b"}
    assert of([stranger, own, pai(name="Third")]) == {HARD: "a"}
    assert of([stranger, pai(name="Mine")]) == {HARD: "a"}


def test_what_comes_later_only_fills_in() -> None:
    """A later plain run with one more task does not replace the first on the tasks that the first one has."""
    first = entry("z", {HARD: [1, 0, 1]}, arrival=1)
    more = entry("a", SCORES | {HARD: [0, 0, 0]}, arrival=2)
    assert of([first, more, pai()]) == {HARD: "z", STANDARD: "a"}


def test_protocols_do_not_mix() -> None:
    scores = {"vqa_rad_closed": [1, 1], "vgmed_localization": [2.0]}
    closed = entry("p-closed", {"vqa_rad_closed": [1, 0]})
    looks = entry("p-looks", {"vgmed_localization": [1.0]}, protocol=None)
    found = of([closed, looks, pai(scores=scores)])
    assert found == {"vqa_rad_closed": "p-closed", "vgmed_localization": "p-looks"}, (
        "measurements stand under every one"
    )
    assert of([entry("t", {"vqa_rad_closed": [1, 0]}, protocol="test"), pai(scores=scores)]) == {}
