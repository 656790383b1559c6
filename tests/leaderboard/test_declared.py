"""Models whose identity is the submitter's word: they are ranked and marked in accuracy tables, and are in no other."""

from __future__ import annotations

import csv
import io
import json

import pytest
from entries import entry
from saved_run import spec

from lmms_vg.leaderboard import pages
from lmms_vg.leaderboard.alike import likenesses
from lmms_vg.leaderboard.formats import as_csv, as_json, as_markdown
from lmms_vg.leaderboard.plain_pairing import plain_runs
from lmms_vg.leaderboard.standings import standings
from lmms_vg.leaderboard.table_model import DECLARED_MARK, TableView
from lmms_vg.leaderboard.tables import tables
from lmms_vg.submission.validated import Entry

RIGHT = [1.0] * 60
WRONG = [1.0] * 20 + [0.0] * 40


def of(key: str, *entries: Entry) -> TableView:
    return next(one for one in tables(entries, "vgrefine") if one.key == key)


def api(id: str = "api", scores: list[float] = RIGHT, **more: object) -> Entry:
    return entry(id, {"slake_closed": scores}, declared="m-1", name="Some API", **more)  # type: ignore[arg-type]


OURS = entry("ours", {"slake_closed": WRONG})
PAI = entry("pai", {"slake_closed": WRONG}, method=spec("pai"))
LOOKED = entry(
    "looked", {"vgmed_localization": [1.0, 2.0]}, protocol=None, metrics={"vgmed_localization": {"kl": 1.0, "js": 0.1}}
)


def test_it_is_ranked_with_all_others_and_marked() -> None:
    one = of("table1", OURS, api())
    assert [(row.entry, row.method, row.declared) for row in one.measured] == [
        ("api", "", True),
        ("ours", "plain", False),
    ]
    assert [(row.cells[1].rank.best, row.cells[1].rank.worst) for row in one.measured if row.cells[1].rank] == [
        (1, 1),
        (2, 2),
    ]
    assert [note.startswith(DECLARED_MARK) for note in one.notes].count(True) == 1
    assert not any(note.startswith(DECLARED_MARK) for note in of("table1", OURS).notes)


@pytest.mark.parametrize(("parameters", "key"), [(7.0, "table1"), (34.0, "tableG5"), (None, "tableG5")])
def test_an_unknown_size_is_not_ranked_among_small_ones(parameters: float | None, key: str) -> None:
    shown = [one.key for one in tables([api(parameters=parameters)], "vgrefine") if one.measured]
    assert shown == [key]


def test_it_is_neither_a_method_nor_the_plain_run_of_one() -> None:
    assert {row.entry for row in of("tableF4", OURS, PAI, api()).measured} == {"ours", "pai"}
    assert plain_runs([OURS, api(), PAI]).keys() == {"pai"}


def test_it_is_in_no_table_of_attention() -> None:
    assert {row.entry for row in of("grounding", LOOKED, api()).measured} == {"looked"}


def test_two_names_are_two_models_and_one_name_is_one() -> None:
    """Which group of comparable rows is ranked depends on the number of models in it, not of rows."""
    again = [entry(f"m{number}", {"slake_closed": WRONG[:50]}, declared="m") for number in range(3)]
    others = [entry("x", {"slake_closed": RIGHT}, declared="x"), entry("y", {"slake_closed": WRONG}, declared="y")]
    ranked = {row.entry for row in of("table1", *again, *others).measured if row.cells[1].rank is not None}
    assert ranked == {"x", "y"}


def test_a_likeness_is_always_marked() -> None:
    """One card does not excuse it, since nothing shows that the two were run differently."""
    scores = [float(number % 3 == 0) for number in range(200)]
    found = likenesses([api("a", scores), api("b", scores)])
    assert {id: [one.other for one in alike] for id, alike in found.items()} == {"a": ["b"], "b": ["a"]}


def test_downloads_say_it() -> None:
    one = of("table1", OURS, api())
    assert {line["entry"]: line["declared"] for line in csv.DictReader(io.StringIO(as_csv(one)))} == {
        "api": "True",
        "ours": "False",
        "": "False",
    }
    assert [row["declared"] for row in json.loads(as_json(one))["measured"]] == [True, False]
    assert f"Some API {DECLARED_MARK}" in as_markdown(one)


def test_pages_say_it() -> None:
    views = tables([OURS, api(parameters=None)], "vgrefine")
    front = pages.front("vgrefine", ["vgrefine"], views, [])
    assert front.count("<small>§ by the submitter's word</small>") == 1
    page = pages.submission(api(parameters=None), {}, [], "0" * 64, standings(views)["api"], ["vgrefine"], [])
    assert "not known" in page
    assert "answers only" in page
    assert "m-1" in page
    signed = pages.submission(OURS, {}, [], "0" * 64, standings(views)["ours"], ["vgrefine"], [])
    assert "submitter's word" not in signed
