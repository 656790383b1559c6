"""Somebody copies a public bundle under another name, in many ways: the original keeps its place, and both are marked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bundles
import numpy as np
import pytest
import runs
from entries import entry
from repository import add, git
from saved_run import spec

from lmms_vg.cli.main import main
from lmms_vg.leaderboard.alike import likenesses
from lmms_vg.leaderboard.site import build
from lmms_vg.leaderboard.table_model import RowView, TableView
from lmms_vg.leaderboard.tables import tables
from lmms_vg.submission.schema import Card
from lmms_vg.submission.validated import Entry

N = 400
TASK, OTHER, LOOKS = "vqa_rad_closed", "slake_closed", "vgmed_attribute"


def answers(right: float, seed: int, n: int = N) -> list[float]:
    return (np.random.default_rng(seed).random(n) < right).astype(float).tolist()


def edited(values: list[float], share: float, to: Callable[[float], float], seed: int = 9) -> list[float]:
    """Change a share of the answers, chosen at random."""
    chosen = np.random.default_rng(seed).random(len(values)) < share
    return [to(value) if change else value for value, change in zip(values, chosen, strict=True)]


BEST, WORST = answers(0.8, 1), answers(0.5, 2)
LOOKED = np.random.default_rng(3).gamma(2.0, 1.0, N).tolist()
MINE: dict[str, Any] = {"name": "Mine", "method": spec("vgrefine", k=5), "weights": "w", "arrival": 5}
THEIRS: dict[str, Any] = MINE | {"name": "Theirs", "arrival": 9}

THEFTS: dict[str, Callable[[], list[Entry]]] = {
    "another name": lambda: [entry("a", {TASK: BEST}, **THEIRS)],
    "a smaller id only": lambda: [entry("a", {TASK: BEST}, **MINE | {"arrival": 9})],
    "a made-up task": lambda: [entry("a", {TASK: BEST, OTHER: [1.0] * N}, **THEIRS)],
    "a task left out": lambda: [entry("a", {TASK: BEST}, **THEIRS)],
    "other weights": lambda: [entry("a", {TASK: BEST}, **THEIRS | {"weights": "x"})],
    "another method": lambda: [entry("a", {TASK: BEST}, **THEIRS | {"method": spec("mine")})],
    "as a plain run": lambda: [entry("a", {TASK: BEST}, **THEIRS | {"method": spec("plain"), "weights": "x"})],
    "another dtype": lambda: [entry("a", {TASK: BEST}, **THEIRS, dtype="float16")],
    "other code and versions": lambda: [entry("a", {TASK: BEST}, **THEIRS, code="x", versions={"torch": "9"})],
    "a few answers spoiled": lambda: [entry("a", {TASK: edited(BEST, 0.02, lambda _: 0.0)}, **THEIRS)],
    "a few answers corrected": lambda: [entry("a", {TASK: edited(BEST, 0.1, lambda _: 1.0)}, **THEIRS)],
    "a few answers turned": lambda: [entry("a", {TASK: edited(BEST, 0.02, lambda one: 1 - one)}, **THEIRS)],
    "trained on nothing, they say": lambda: [entry("a", {TASK: BEST}, **THEIRS, trained_on=["slake"])],
    "fifty of them": lambda: [
        entry(f"a{n}", {TASK: edited(BEST, 0.02, lambda _: 0.0, seed=n)}, **THEIRS | {"weights": str(n)})
        for n in range(50)
    ],
    "ever worse ones": lambda: [
        entry(f"a{n}", {TASK: [*BEST[: N - 3 * n], *[0.0] * 3 * n]}, **THEIRS | {"weights": str(n)})
        for n in range(1, 5)
    ],
}


def table(*entries: Entry, key: str = "table1") -> TableView:
    return next(one for one in tables(entries, "vgrefine") if one.key == key)


def row(of: TableView, id: str) -> RowView:
    return next(one for one in of.measured if one.entry == id)


def rank(of: TableView, id: str, title: str = "VQA-RAD") -> int | None:
    """Return the best place of a row; None if it has no rank."""
    place = row(of, id).cells[[column.title for column in of.columns].index(title)].rank
    return None if place is None else place.best


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("theft", THEFTS)
def test_a_theft(theft: str, ordered: bool) -> None:
    """The original and everybody below keep their ranks; copy and original name each other."""
    honest = [entry("z-mine", {TASK: BEST}, **MINE), entry("z-other", {TASK: WORST}, weights="o", arrival=6)]
    stolen = THEFTS[theft]()
    every = [one if ordered else Entry(one.id, one.manifest, one.scores) for one in (*honest, *stolen)]
    before, after = table(*honest), table(*every)
    ids = {one.id for one in stolen}
    assert {one.entry for one in after.measured} == {"z-mine", "z-other", *ids}, "nothing is left out"
    assert [rank(before, one.id) for one in honest] == [1, 2]
    # Who corrects his copy is better than what he copied: references are public, so anybody can be. With a history, a copy
    # of the same weights and method is folded under the original.
    if (
        theft == "a smaller id only" and not ordered
    ):  # nothing tells the two apart, so the smaller id is ranked for both
        assert (rank(after, "a"), row(after, "z-mine").under) == (1, "a")
        return
    assert rank(after, "z-mine") == (2 if theft == "a few answers corrected" and not ordered else 1)
    assert rank(after, "z-other") == 2
    assert row(after, "z-mine").alike.startswith("like a")
    assert ("which came later" in row(after, "z-mine").alike) is ordered
    for id in ids:
        assert row(after, id).alike.startswith("like z-mine" if ordered or len(ids) == 1 else "like ")
        assert ("z-mine, which came earlier" in row(after, id).alike) is ordered
    assert row(after, "z-other").alike == ""
    assert any(note.startswith("‡ ") for note in after.notes)


def test_where_it_looked_is_stolen() -> None:
    """Copied as it is, scaled, or with noise: attention values per question identify a run like a fingerprint."""
    mine = entry("z", {LOOKS: LOOKED}, protocol=None, **MINE)
    other = entry("o", {LOOKS: np.random.default_rng(4).gamma(2.0, 1.0, N).tolist()}, protocol=None, weights="o")
    for change in (1.0, 1.3, 1 + 0.05 * np.random.default_rng(5).normal(size=N)):
        stolen = entry("a", {LOOKS: (np.array(LOOKED) * change).tolist()}, protocol=None, **THEIRS | {"weights": "x"})
        found = likenesses([mine, other, stolen])
        assert {id: [one.other for one in alike] for id, alike in found.items()} == {"z": ["a"], "a": ["z"]}


@pytest.mark.parametrize("edit", [lambda one: 1 - one, lambda _: 0.0, lambda _: 1.0])
def test_a_forged_plain_run_changes_no_difference(edit: Callable[[float], float]) -> None:
    plain = entry("z-plain", {TASK: WORST}, **MINE | {"method": spec("plain")})
    method = entry("z-method", {TASK: BEST}, **MINE)
    forged = entry("a", {TASK: edited(WORST, 0.3, edit), OTHER: BEST}, **MINE | {"method": spec("plain"), "arrival": 9})

    def difference(*entries: Entry) -> Any:
        return row(table(*entries, key="tableF4"), "z-method").cells[5]

    assert difference(plain, method, forged) == difference(plain, method)
    assert difference(plain, method).text != ""
    notes = table(plain, method, forged, key="tableF4").notes
    assert any("a came later than z-plain and differs" in note for note in notes)


def test_a_forged_group_takes_nobodys_rank() -> None:
    """Three copies with one question less would be the largest group if copies counted."""
    honest = [entry("z", {LOOKS: LOOKED}, protocol=None), entry("y", {LOOKS: LOOKED[::-1]}, protocol=None, weights="y")]
    fewer = [float("nan"), *LOOKED[1:]]
    forged = [entry(f"a{n}", {LOOKS: fewer}, protocol=None, weights=str(n)) for n in range(3)]
    one = table(*honest, *forged, key="grounding")
    assert [rank(one, id, "medical AR") for id in ("z", "y", "a0")] == [1, 1, None]
    alone = table(honest[0], forged[0], key="grounding")
    assert rank(alone, "z", "medical AR") == 1, "with nothing to choose by, each is ranked by itself"
    assert rank(alone, "a0", "medical AR") == 1
    assert any(note.startswith("Ranked only among rows like it: z in medical AR") for note in alone.notes)


def test_honest_models_are_not_alike() -> None:
    """Two models that are right on the same nine tenths and guess on the others, and two that are always wrong."""
    easy = [1.0] * 360
    rows = [entry(str(seed), {TASK: [*easy, *answers(0.5, seed, 40)]}, weights=str(seed)) for seed in range(8)]
    failing = [entry(f"f{n}", {TASK: answers(0.05, 50 + n)}, weights=f"f{n}") for n in range(8)]
    assert likenesses([*rows, *failing]) == {}


def test_methods_of_one_card_and_model_are_not_said_to_be_alike() -> None:
    own = [entry(id, {TASK: BEST}, name="Mine", method=spec(id)) for id in ("plain", "pai")]
    assert likenesses(own) == {}
    assert likenesses([*own, entry("x", {TASK: BEST}, name="Theirs", method=spec("pai"))]).keys() == {
        "plain",
        "pai",
        "x",
    }
    assert likenesses([entry(id, {TASK: BEST}, name="Mine") for id in "ab"]).keys() == {"a", "b"}, "the same run twice"


def test_few_questions_tell_nothing() -> None:
    assert likenesses([entry(id, {TASK: [1.0, 0.0] * 49}, name=id) for id in "ab"]) == {}
    assert likenesses([entry(id, {TASK: [1.0, 0.0] * 50}, name=id) for id in "ab"]).keys() == {"a", "b"}


def test_easy_questions_tell_nothing() -> None:
    """Nine mislabelled questions that every good model gets wrong."""
    easy = [1.0] * 391 + [0.0] * 9
    assert likenesses([entry(id, {TASK: easy}, name=id) for id in "ab"]) == {}
    assert likenesses([entry(id, {TASK: [1.0] * N}, name=id) for id in "ab"]) == {}
    assert likenesses([entry(id, {TASK: [*easy[:390], *[0.0] * 10]}, name=id) for id in "ab"]).keys() == {"a", "b"}


@pytest.mark.parametrize(
    "change",
    [
        {"scores": {LOOKS: [float("nan"), *LOOKED[1:]]}},
        {"scores": {LOOKS: LOOKED[::-1]}, "uids": {LOOKS: [f"{LOOKS}/{n}" for n in reversed(range(N))]}},
        {"scores": {LOOKS: LOOKED[:300]}},
        {"questions": {LOOKS: "another edition"}},
        {"rules": {LOOKS: "alignment|geometry:stretch|rows:last"}},
        {"protocol": "test"},
    ],
)
def test_what_keeps_rows_from_being_compared_hides_no_copy(change: dict[str, Any]) -> None:
    """A failed measurement, another order, part of the questions, another edition, rule or protocol."""
    mine = entry("z", {LOOKS: LOOKED}, protocol=None, **MINE)
    given: dict[str, Any] = {"scores": {LOOKS: LOOKED}, "protocol": None} | change
    assert likenesses([mine, entry("a", **given, **THEIRS)]).keys() == {"a", "z"}


def test_correlations_are_those_of_what_both_have() -> None:
    rng = np.random.default_rng(0)
    rows = {id: rng.gamma(2.0, 1.0, N) for id in "abc"}
    rows["b"] = rows["a"] + rng.normal(0, 0.3, N)
    rows["b"][:50] = rows["a"][100:130] = np.nan
    found = likenesses([entry(id, {LOOKS: row.tolist()}, name=id) for id, row in rows.items()])
    both = np.isfinite(rows["a"]) & np.isfinite(rows["b"])
    assert found.keys() == {"a", "b"}
    assert found["a"][0].tasks[LOOKS] == pytest.approx(np.corrcoef(rows["a"][both], rows["b"][both])[0, 1])


# --- honest, and yet odd ------------------------------------------------------------------------------------------------


def test_two_labs_run_one_public_checkpoint() -> None:
    """Both have the same answers. Each lab's method is paired with its own plain run; in the ranks the first lab's stand."""
    labs = [
        entry(f"{lab}-{method}", {TASK: row}, name=f"Public, by {lab}", method=spec(method), arrival=arrival)
        for arrival, lab in enumerate(("x", "y"))
        for method, row in (("plain", BEST), ("pai", edited(BEST, 0.1, lambda one: 1 - one)))
    ]
    below = entry("below", {TASK: WORST}, weights="o")
    assert rank(table(*labs, below), "below") == rank(table(*labs[:2], below), "below")
    assert rank(table(*labs, below), "x-plain") == 1
    assert row(table(*labs, below), "y-plain").under == "x-plain"
    one = table(*labs, below, key="tableF4")
    assert row(one, "x-pai").cells[5] == row(one, "y-pai").cells[5]
    assert "Difference: y-pai against y-plain" in " ".join(one.notes)


def test_a_card_is_corrected() -> None:
    """The group submits everything again. Both versions stay, marked as alike, until a maintainer removes the old one."""
    old, new = (
        [
            entry(f"{kind}-{method}", {TASK: values}, method=spec(method), trained_on=seen, arrival=arrival)
            for method, values in (("plain", WORST), ("pai", BEST))
        ]
        for arrival, kind, seen in ((1, "old", []), (2, "new", ["vqa_rad"]))
    )
    one = table(*old, *new)
    assert {row.entry: row.zero_shot for row in one.measured} == {
        "old-pai": True, "old-plain": True, "new-pai": False, "new-plain": False
    }  # fmt: skip
    assert row(one, "new-pai").alike == "like old-pai, which came earlier"
    against = table(*old, *new, key="tableF4")
    assert row(against, "new-pai").cells[5] == row(against, "old-pai").cells[5]
    assert any("new-pai against new-plain" in note for note in against.notes)


def test_a_squatter_was_there_before() -> None:
    """A squatter submits a wrong plain run of a public checkpoint before its makers do."""
    squatter = entry("a", {TASK: [0.0] * N}, name="Public", method=spec("plain"), arrival=1)
    plain = entry("m-plain", {TASK: WORST}, name="Ours", method=spec("plain"), arrival=2)
    method = entry("m", {TASK: BEST}, name="Ours", method=spec("pai"), arrival=2)
    with_squatter = table(squatter, plain, method, key="tableF4")
    assert row(with_squatter, "m").cells[5] == row(table(plain, method, key="tableF4"), "m").cells[5]


def test_many_settings_of_one_method_push_nobody_down() -> None:
    below = entry("below", {TASK: WORST}, weights="o")
    settings = [
        entry(f"k{n}", {TASK: edited(BEST, 0.015, lambda one: 1 - one, seed=n)}, method=spec("pai", k=n))
        for n in range(20)
    ]
    first = entry("k", {TASK: BEST}, method=spec("pai", k=20), arrival=1)
    one = table(first, *settings, below)
    assert rank(one, "below") == 2
    assert [shown.entry for shown in one.measured if not shown.under] == ["k", "below"]
    assert {shown.settings for shown in one.measured if shown.entry != "below"} == {21}


def test_unlike_models_all_count() -> None:
    better = [entry(f"b{n}", {TASK: answers(0.85, 20 + n)}, weights=str(n)) for n in range(5)]
    assert rank(table(*better, entry("below", {TASK: WORST}, weights="o")), "below") == 6


# --- on real bundles ----------------------------------------------------------------------------------------------------


def stolen(folder: Path, ids: list[str]) -> Path:
    """Bundles with the same answers, committed in this order."""
    folder.mkdir()
    git(folder, "init", "--initial-branch", "main")
    given = bundles.demo(runs.mostly_right(1), "vqa_demo_hard")
    for id in ids:
        card = Card(name=f"Of {id}", parameters=7, trained_on=[])
        bundles.write_bundle(folder / "submissions" / id / "bundle.zip", given, card=card)
        add(folder, id)
    return folder / "submissions"


def test_on_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stolen(tmp_path / "repository", ["original", "a-copy"])
    assert main(["leaderboard", "build", str(folder), "-o", str(tmp_path / "site")]) == 0
    said = capsys.readouterr().out
    assert "a-copy: its scores are nearly those of original (came earlier)" in said
    assert "2 submissions;" in said
    page = (tmp_path / "site" / "index.html").read_text()
    assert "‡ like original, which came earlier" in page
    assert "‡ like a-copy, which came later" in page
    of_copy = (tmp_path / "site" / "submissions" / "a-copy.html").read_text()
    assert '<a href="original.html">original</a>, which came earlier: vqa_demo_hard (r 1.000)' in of_copy


def test_without_a_history_both_are_shown_and_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = bundles.demo(runs.mostly_right(1), "vqa_demo_hard")
    for id in ("a", "b"):
        card = Card(name=f"Of {id}", parameters=7, trained_on=[])
        bundles.write_bundle(tmp_path / "in" / id / "bundle.zip", given, card=card)
    built = build(tmp_path / "in", tmp_path / "site", ["demo"])
    assert built.submissions == 2, "withheld or not"
    assert {id: [one.other for one in alike] for id, alike in built.alike.items()} == {"a": ["b"], "b": ["a"]}
    assert main(["leaderboard", "build", str(tmp_path / "in"), "-o", str(tmp_path / "site")]) == 0
    assert "which of them came first is not known: the folder is not in a git repository" in capsys.readouterr().out
