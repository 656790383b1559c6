"""What was said, beside plain: the numbers of `compare` on the same two runs, and by hand."""

from __future__ import annotations

import csv
import io
from math import isnan
from pathlib import Path
from statistics import NormalDist

import bundles
import pytest
import runs
from entries import entry
from saved_run import spec

from lmms_vg.leaderboard.columns import demo, of_paper
from lmms_vg.leaderboard.formats import as_csv
from lmms_vg.leaderboard.said_lines import changed_texts, said_lines, said_texts
from lmms_vg.leaderboard.table_model import RowView, TableView
from lmms_vg.leaderboard.tables import tables
from lmms_vg.leaderboard.vs_plain import against
from lmms_vg.runs.compare import compare
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.saying import Change
from lmms_vg.submission.submit import submit
from lmms_vg.submission.validate import check
from lmms_vg.submission.validated import Entry

SETS = of_paper("1", "vgrefine")[:-1]
TASK = "vqa_rad_closed"
Said = list[str | None]


def row(id: str, said: Said, right: list[str], method: str = "plain", **changes: object) -> Entry:
    """A submission of one task, right where it says what is right; two questions are about an image."""
    scores = [float(one == truth) for one, truth in zip(said, right, strict=True)]
    images = {TASK: [f"{number // 2}.png" for number in range(len(said))]}
    return entry(id, {TASK: scores}, method=spec(method), read={TASK: (said, right)}, images=images, **changes)  # type: ignore[arg-type]


def vs_plain(*entries: Entry) -> TableView:
    return next(table for table in tables(entries, "vgrefine") if table.key == "tableF4")


def cells(table: TableView, id: str) -> dict[str, tuple[str, int | None]]:
    found: RowView = next(one for one in table.measured if one.entry == id)
    return {column.title: (cell.text, cell.n) for column, cell in zip(table.columns, found.cells, strict=True)}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[Entry]]:
    """Two runs of the demo's two tasks, and the bundles that `submit` makes of them."""
    folder = tmp_path_factory.mktemp("both")
    made, entries = [], []
    for id, method, say in (("a", "plain", bundles.signal(0.5, 0.2, 0.3, 1)), ("b", "pai", bundles.signal(2, 1, 0, 2))):
        said = runs.save_run(
            folder / id,
            *runs_of(),
            say=lambda one, say=say: say(one.model_copy(update={"answer": one.answer.title()})),
            identity={"method": spec(method)},
        )
        submit([said], runs.CARD, folder / f"{id}.zip")
        checked = check(folder / f"{id}.zip", id).entry
        assert checked is not None
        made.append(said)
        entries.append(checked)
    return made, entries


def runs_of() -> tuple[str, str]:
    return "vqa_demo_hard", "vqa_demo_standard"


def same(first: Change | None, second: Change | None) -> bool:
    """Whether two changes have equal numbers; NaN, where there is no interval, equals NaN."""
    return repr(first) == repr(second) and first is not None


def test_each_task_has_the_numbers_of_compare(both: tuple[list[Path], list[Entry]]) -> None:
    """On a submission's page: with as many comparisons in the family as `compare` has."""
    saved, (plain, method) = both
    shown = {line.task: line for line in said_lines(method, dict.fromkeys(runs_of(), plain))}
    for task in runs_of():
        table = compare([read_run(next(path.rglob("*_results.json"))) for path in saved])
        before, after = (next(one for one in table.lines if one.run is run and one.name == task) for run in table.runs)
        assert (shown[task].n, shown[task].own, shown[task].plain) == (after.n, after.said, before.said)
        mine, theirs = shown[task].against, after.against
        assert mine is not None
        assert theirs is not None
        assert mine.difference[:3] == theirs.difference[:3]
        assert (mine.better, mine.worse) == (theirs.better, theirs.worse)
        assert mine.difference.p == pytest.approx(theirs.difference.p, abs=0.01), "with draws for three comparisons"
        assert mine.change is not None
        assert theirs.change is not None
        assert mine.change.parts[:3] == theirs.change.parts[:3]
        assert repr(mine.change.shift) == repr(theirs.change.shift)
        assert mine.change.shift is not None


def test_pooled_columns_have_the_numbers_of_compare(both: tuple[list[Path], list[Entry]]) -> None:
    """The group of the demo's tasks is pooled, as the columns of the table are."""
    saved, entries = both
    table = compare([read_run(next(path.rglob("*_results.json"))) for path in saved])
    line = next(one for one in table.lines if one.name == "vqa_demo" and one.against is not None)
    mine = against(entries, demo()[1::-1])["b"]
    assert line.against is not None
    assert line.against.change is not None
    assert mine.gain is not None
    assert mine.gain.change is not None
    assert mine.gain.said == line.said
    assert mine.gain.change.parts[:3] == line.against.change.parts[:3]
    assert repr(mine.gain.change.shift) == repr(line.against.change.shift)
    assert mine.gain.source == line.against.source


RIGHT = ["yes"] * 30 + ["no"] * 20


def test_by_hand() -> None:
    """Plain: 10 cannot be read, 20 of 25 hits, 6 of 15 false alarms. The method: all read, 25 of 30 hits, 8 of 20."""
    plain: Said = [*["yes"] * 20, *["no"] * 5, *[None] * 5, *["yes"] * 6, *["no"] * 9, *[None] * 5]
    after: Said = [*["yes"] * 20, *["no"] * 5, *["yes"] * 5, *["yes"] * 6, *["no"] * 9, *["yes"] * 2, *["no"] * 3]
    table = vs_plain(row("plain", plain, RIGHT), row("method", after, RIGHT, "pai"))
    z = NormalDist().inv_cdf
    before, now = cells(table, "plain"), cells(table, "method")
    assert before["unreadable"] == ("0.200", 50)
    assert now["unreadable"] == ("0.000", 50)
    assert before["yes-rate"] == (f"{26 / 40:.3f}", 40)
    assert now["balanced accuracy"] == (f"{(25 / 30 + 12 / 20) / 2:.3f}", 50)
    d_prime, criterion = z(25.5 / 31) - z(8.5 / 21), -(z(25.5 / 31) + z(8.5 / 21)) / 2
    assert now["d'"] == (f"{d_prime:.3f}", 50)
    assert now["criterion"] == (f"{criterion:.3f}", 50)
    assert now["both readable"] == ("0.00", 40) or now["both readable"] == ("+0.00", 40)
    assert (now["newly readable"], now["no longer"]) == (("+8", 10), ("+0", 0))
    assert now["change of d'"] == ("+0.00", 40)
    assert before["both readable"] == ("", None), "a plain run has no difference"


def test_a_gain_of_format_is_said_so(both: object) -> None:
    plain: Said = [*[None] * 40, *RIGHT[40:]]
    made = vs_plain(row("plain", plain, RIGHT), row("method", [*RIGHT], RIGHT, "pai"))
    assert cells(made, "method")["lives in"] == ("format", None)
    (note,) = [note for note in made.notes if note.startswith("Not in seeing: ")]
    assert note == (
        "Not in seeing: method: the gain lives in the format of the answers alone: 40 became readable and 0 no longer are, "
        "which makes +40 right answers; among the 10 questions that both runs answered readably the difference is +0.00 "
        "points (p 1.0000)"
    )


def test_a_gain_of_the_criterion_is_said_so() -> None:
    """One always says no and the other always yes, where yes is right more often."""
    made = vs_plain(
        row("plain", ["no"] * 50, ["yes"] * 40 + ["no"] * 10), row("m", ["yes"] * 50, ["yes"] * 40 + ["no"] * 10, "pai")
    )
    assert cells(made, "m")["lives in"] == ("criterion", None)
    assert any(
        note.startswith("Not in seeing: m: the gain lives in the criterion as far as is shown: ") for note in made.notes
    )


def test_better_seeing_has_no_such_note() -> None:
    blind: Said = ["yes", "no"] * 25
    right = ["yes", "yes", "no", "no"] * 12 + ["yes", "no"]
    made = vs_plain(row("plain", blind, right), row("m", [*right], right, "pai"))
    assert cells(made, "m")["lives in"] == ("seeing", None)
    assert not any("lives in the" in note for note in made.notes)


def test_without_yes_no_questions_there_are_no_such_columns() -> None:
    """Letters only: what became readable is shown; d', its change and the like have no column."""
    plain: Said = ["other", None] * 10
    made = vs_plain(row("plain", plain, ["other"] * 20), row("m", ["other"] * 20, ["other"] * 20, "pai"))
    titles = {column.title for column in made.columns}
    assert {"unreadable", "both readable", "newly readable", "no longer"} <= titles
    assert not titles & {"yes-rate", "balanced accuracy", "d'", "criterion", "change of d'", "change of criterion"}
    assert cells(made, "m")["newly readable"] == ("+10", 10)


def test_nothing_can_be_read_at_all() -> None:
    rows = [row("plain", [None] * 20, RIGHT[20:40]), row("m", [None] * 20, RIGHT[20:40], "pai")]
    made = vs_plain(*rows)
    found = cells(made, "m")
    assert (found["unreadable"], found["newly readable"]) == (("1.000", 20), ("+0", 0))
    assert "both readable" not in found
    (line,) = said_lines(rows[1], {TASK: rows[0]})
    assert line.own.detection is None
    assert line.against is not None
    assert changed_texts(line.against)[2] == ("", ["n 0"])
    assert said_texts(line.own) == ["1.000", "", "", "", "", ""]
    assert line.words == ""


def test_references_of_one_class() -> None:
    """The yes-rate is known; d' is not, and the cell says why."""
    made = vs_plain(row("plain", ["yes", "no"] * 10, ["yes"] * 20), row("m", ["yes"] * 20, ["yes"] * 20, "pai"))
    found = cells(made, "m")
    assert (found["yes-rate"][0], found["d'"][0]) == ("1.000", "one class")
    assert "change of d'" not in found


def test_submissions_without_it_have_no_column() -> None:
    plain, method = entry("plain", {TASK: [1.0, 0.0]}), entry("m", {TASK: [1.0, 1.0]}, method=spec("pai"))
    made = vs_plain(plain, method)
    assert not {"unreadable", "lives in"} & {column.title for column in made.columns}
    assert said_lines(method, {TASK: plain}) == []


def test_another_models_page_has_its_own_numbers() -> None:
    """Answers alone are enough; a model that is not of lmms_vg has no plain run."""
    other = row("api", [*RIGHT[:40], *["yes"] * 10], RIGHT, declared="m-1")
    (line,) = said_lines(other, {})
    assert (line.plain, line.against) == (None, None)
    assert line.own.detection is not None
    assert (line.own.detection.n, line.own.detection.yes_rate) == (50, 0.8)


def test_the_download_has_them_with_intervals_and_n() -> None:
    half: Said = ["yes", "no"] * 25
    right = ["yes", "yes", "no", "no"] * 12 + ["yes", "no"]
    made = vs_plain(row("plain", half, right), row("m", [*right], right, "pai"))
    lines = {line["column"]: line for line in csv.DictReader(io.StringIO(as_csv(made))) if line["entry"] == "m"}
    change = next(iter(against([row("plain", half, right), row("m", [*right], right, "pai")], SETS).values())).gain
    assert change is not None
    assert change.change is not None
    assert change.change.shift is not None
    shift = change.change.shift.d_prime
    assert not isnan(shift.low)
    assert [float(lines["change of d'"][name]) for name in ("value", "low", "high", "n")] == [*shift[:3], 50]
    assert lines["lives in"]["remark"] == "seeing"
    assert (lines["unreadable"]["value"], lines["unreadable"]["n"]) == ("0.0", "50")
