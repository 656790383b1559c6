"""The list of columns agrees with the tasks and the data sets, and a column added to it appears everywhere."""

from __future__ import annotations

from decimal import Decimal

import pytest

from lmms_vg.datasets.mmmu import MMMU, SUBJECTS
from lmms_vg.datasets.omnimedvqa import NAMES
from lmms_vg.leaderboard.table_specs import shapes
from lmms_vg.paper import columns as paper
from lmms_vg.paper.columns import COLUMNS, HIDDEN, MEAN, WEIGHTINGS, PaperColumn, by_title, of_table, weights
from lmms_vg.paper.published import check, impossible, published, table
from lmms_vg.reproduce.columns import columns
from lmms_vg.tasks.registry import TASKS

SCRATCH = "Scratch"


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.title)
def test_tasks_stand_under_the_protocols_that_the_column_says(column: PaperColumn) -> None:
    for protocol, tasks in column.tasks.items():
        assert all(protocol in TASKS[task].protocols for task in tasks)
        assert len({TASKS[task].n for task in tasks}) == 1, "several tasks ask the same questions"
    assert column.weights.keys() <= WEIGHTINGS.keys() - {MEAN}


def test_titles_are_unique_and_those_of_the_published_tables() -> None:
    assert len(by_title()) == len(COLUMNS)
    for one in published().tables[:-1]:  # the columns of the last, R.6, are scores that people give
        assert {*one.columns} <= by_title().keys() | {average.column for average in one.averages}
    for id in ("1", "2", "3", "E.3"):
        assert [column.title for column in of_table(id)] == [name for name in table(id).columns if name != "Avg."]


def test_names_and_weights_are_those_of_the_data_sets() -> None:
    assert [column.about.replace(" ", "_") for column in of_table("2")] == [*SUBJECTS]
    assert [column.weights for column in of_table("2")] == [{HIDDEN: MMMU.counts[f"test/{name}"]} for name in SUBJECTS]
    assert {column.tasks["vgrefine"]: column.title for column in of_table("3")} == {
        (f"omnimedvqa_{modality}",): title for modality, title in NAMES.items()
    }


def test_a_weighting_is_one_of_columns_that_have_a_weight() -> None:
    assert weights(["SLAKE", "PMC-VQA"], "pooled") == [2781, 2000]
    assert weights(["SLAKE", "BMS"], "pooled") is None
    assert weights(["SLAKE"], "poled") is None
    assert weights(["SLAKE", "BMS"], MEAN) == []


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = dict.fromkeys(("vgrefine", "test"), ("vqa_demo_hard",))
    column = PaperColumn(SCRATCH, "1", "acc", tasks, {"pooled": 200}, "of phantoms")  # type: ignore[arg-type]
    monkeypatch.setattr(paper, "COLUMNS", (*COLUMNS, column))


@pytest.mark.usefixtures("scratch")
def test_an_added_column_is_on_the_leaderboard() -> None:
    """It is in every table of closed questions and in their averages, but not where its tasks are not asked."""
    for protocol in ("vgrefine", "test"):
        made = {one.key: {measure.title: measure for measure in one.measures} for one in shapes(protocol)}  # type: ignore[arg-type]
        for key, average in (("table1", "Avg."), ("tableF4", "Avg."), ("tableG5", "Avg. on Med-VQAs")):
            assert made[key][SCRATCH].about == "Accuracy, of phantoms: vqa_demo_hard (n = 300)"
            assert "vqa_demo_hard" in made[key][average].tasks
    assert all(measure.title != SCRATCH for one in shapes("chen") for measure in one.measures)


@pytest.mark.usefixtures("scratch")
def test_an_added_column_can_be_reproduced_and_is_weighed() -> None:
    """In a table of two columns and their average, its 200 questions weigh 200 beside SLAKE's 2,781."""
    average = table("1").averages[0].model_copy(update={"of": ["SLAKE", SCRATCH]})
    cells: list[Decimal | None] = [Decimal("80.0"), Decimal("50.2"), Decimal("78.0")]
    one = table("1").model_copy(
        update={"columns": ["SLAKE", SCRATCH, "Avg."], "averages": [average], "rows": {"a": cells}}
    )
    asked = {column.name: column for column in columns(one, demo=False)}
    assert asked[SCRATCH][1:] == ("acc", ("vqa_demo_hard",), {})
    assert asked["Avg."][1:] == ("acc", ("slake_closed", "vqa_demo_hard"), {})
    (done,) = check(one)
    assert float(done.recomputed.value) == pytest.approx((2781 * 80.0 + 200 * 50.2) / 2981)
    assert [(column, n) for _, column, _, n in impossible(one)] == [(SCRATCH, 200)], "50.2% of 200 is no whole number"
