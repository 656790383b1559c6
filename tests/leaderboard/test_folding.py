"""One row per model and method: further settings, models, oracles and controls move nobody else's rank."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from ranked_rows import ONE, places, run
from saved_run import spec

from lmms_vg.leaderboard.estimates import estimates
from lmms_vg.submission.validated import Entry


def random_run(id: str, right: float, seed: int, **changes: object) -> Entry:
    return run(id, (np.random.default_rng(seed).random(400) < right).astype(float).tolist(), **changes)


STRANGERS = [
    random_run("s1", 0.7, 1, arrival=1),
    random_run("s2", 0.5, 2, arrival=2),
    random_run("s3", 0.52, 3, arrival=3),
]
MINE = random_run("mine", 0.6, 4, weights="w", method=spec("vgrefine", k=20, p=50.0), arrival=4, default_settings=True)
FORTY = [
    random_run(f"k{k}", 0.65, 10 + k, weights="w", method=spec("vgrefine", k=k, p=50.0), arrival=5 + k)
    for k in range(1, 20)
]


def test_folded_settings_move_nobody() -> None:
    """However many of them, whatever they score, and in whatever order they come."""
    before = estimates([*STRANGERS, MINE], ONE)
    assert before["mine"].rank is not None
    after = estimates([*FORTY, *STRANGERS, MINE], ONE)
    assert {id: after[id] for id in before} == before
    assert {one.under for id, one in after.items() if id not in before} == {"mine"}
    assert {one.rank for id, one in after.items() if id not in before} == {None}


def test_folded_settings_on_other_questions_move_nobody() -> None:
    others = {"questions": {"pmc_vqa": "others"}}
    before = estimates([*STRANGERS, MINE], ONE)
    forty = [
        run(
            one.id,
            one.scores["pmc_vqa"].values.tolist(),
            weights="w",
            method=spec("vgrefine", k=1),
            arrival=9,
            **others,
        )
        for one in FORTY
    ]
    after = estimates([*forty, *STRANGERS, MINE], ONE)
    assert {id: after[id] for id in before} == before


def test_which_setting_is_ranked() -> None:
    """The one that the card names; else the defaults; else the first."""

    def ranked(*entries: Entry) -> str:
        (id,) = (id for id, one in estimates(entries, ONE).items() if one.rank is not None)
        return id

    first, default, best = (
        random_run(
            id, 0.5, number, weights="w", method=spec("vgrefine", p=p), arrival=number, default_settings=p == 50.0
        )
        for number, (id, p) in enumerate({"first": 60.0, "default": 50.0, "best": 70.0}.items())
    )
    assert ranked(best, first) == "first"
    assert ranked(best, first, default) == "default"
    assert ranked(*(with_settings(one, {"vgrefine": {"p": 70}}) for one in (best, first, default))) == "best"
    assert ranked(*(with_settings(one, {"vgrefine": {"p": 75}}) for one in (best, first, default))) == "default"
    assert ranked(*(with_settings(one, {"pai": {"p": 70}}) for one in (best, first, default))) == "default"
    # Somebody else's card does not decide.
    assert ranked(first, default, with_settings(best, {"vgrefine": {"p": 70}}, name="Theirs")) == "default"


def with_settings(one: Entry, settings: dict[str, dict[str, object]], name: str = "Mine") -> Entry:
    card = one.manifest.card.model_copy(update={"settings": settings, "name": name})
    return replace(one, manifest=one.manifest.model_copy(update={"card": card}))


def test_a_further_model_or_method_never_makes_others_surer() -> None:
    """It may take a place above others; among those that were there before, nobody gets a better or worse place for sure."""
    rng = np.random.default_rng(8)
    skills = rng.uniform(0.4, 0.7, 9)
    rows = [random_run(f"r{number}", skill, number, arrival=number) for number, skill in enumerate(skills)]
    for number in range(2, 9):
        before, after = places(rows[:number]), places(rows[: number + 1])
        new = after[f"r{number}"]
        assert new is not None
        for id, place in before.items():
            now = after[id]
            assert place is not None
            assert now is not None
            assert now[0] <= place[0] + 1, "at most the new row is above it"
            assert now[1] >= place[1], "nobody falls behind it"


def test_oracles_and_controls_are_never_ranked_and_move_nobody() -> None:
    before = estimates([*STRANGERS, MINE], ONE)
    beside = [
        random_run(name, 0.95, number, weights="w", method=spec(name), arrival=0)
        for number, name in enumerate(("oracle_mask", "random_mask", "inverse_mask"))
    ]
    after = estimates([*beside, *STRANGERS, MINE], ONE)
    assert {id: after[id] for id in before} == before
    assert [after[one.id].rank for one in beside] == [None] * 3
    assert all(after[one.id].low is not None for one in beside)
