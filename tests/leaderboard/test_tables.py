"""Whole tables: their rows, hand-computed values, and the paper's numbers apart and as printed."""

from __future__ import annotations

from itertools import permutations
from math import nan

import pytest
from entries import entry
from saved_run import spec
from shown_tables import FOUR, THREE, bases, cell, ids, keys, said, table

from lmms_vg.leaderboard.table_model import CellView, Rank
from lmms_vg.leaderboard.tables import tables

LOOKS = {"kl": 2.0, "js": 0.25, "best_layer": 16.0}
SUBJECTS = (
    "basic_medical_science",
    "clinical_medicine",
    "diagnostics_and_laboratory_medicine",
    "pharmacy",
    "public_health",
)


def test_cells_by_hand() -> None:
    one = table("table1", entry("a", FOUR))
    assert [cell.text for cell in one.measured[0].cells] == ["66.7", "50.0", "25.0", "100.0", "50.0"]
    average = cell(one, "a", "Avg.")
    assert (average.value, average.n, average.rank) == (50.0, 10, Rank(1, 1, 1)), (
        "pooled: 5 of 10; the mean of four would be 60.4"
    )
    assert average.low is not None
    assert average.high is not None
    assert 0 <= average.low < 50 < average.high <= 100
    assert average.rule == "closed|rule:made-up|v:0"
    assert {column.unit for column in one.columns} == {"%"}


def test_rows_without_all_sets_have_no_average_and_stand_last() -> None:
    one = table("table1", entry("a", THREE), entry("b", {task: [0.0, 0.0] for task in FOUR}))
    assert cell(one, "a", "Avg.") == CellView("")
    assert cell(one, "a", "VQA-RAD").value == pytest.approx(200 / 3)
    assert one.columns[one.ranked].title == "Avg."
    assert ids(one.measured) == ["b", "a"]


def test_rows_are_in_order_of_their_value_then_id() -> None:
    rows = [entry(id, {"pmc_vqa": row}, weights=id) for id, row in {"c": [1, 0], "b": [1, 1], "a": [1, 0]}.items()]
    one = table("table1", *rows)
    assert one.columns[one.ranked].title == "PMC-VQA", "nobody has an average"
    assert ids(one.measured) == ["b", "a", "c"]


def test_the_order_of_entries_does_not_matter() -> None:
    rows = [
        entry("a", FOUR),
        entry("b", FOUR, method=spec("pai")),
        entry("c", THREE, method=spec("pai"), parameters=34, weights="w"),
        entry("d", {"vgmed_attribute": [1.0, 2.0]}, protocol=None, metrics={"vgmed_attribute": LOOKS}),
    ]
    made = [tables(order, "vgrefine") for order in permutations(rows)]
    assert all(one == made[0] for one in made)


def test_two_entries_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="same id"):
        tables([entry("a", FOUR), entry("a", THREE)], "vgrefine")


# who stands where


def test_a_protocol_holds_its_own_entries_only() -> None:
    rows = [entry("a", FOUR), entry("b", {"vqa_rad_test_closed": [1.0]}, protocol="test")]
    assert ids(table("table1", *rows).measured) == ["a"]
    assert ids(table("table1", *rows, protocol="test").measured) == ["b"]
    assert keys(*rows, protocol="chen") == []


def test_measurements_stand_under_every_protocol() -> None:
    one = entry("a", {"vgmed_attribute": [1.0, 2.0]}, protocol=None, metrics={"vgmed_attribute": LOOKS})
    assert keys(one, protocol="test") == keys(one, protocol="chen") == ["grounding"]
    assert ids(table("grounding", one).measured) == ["a"]
    other = entry("b", {"vgmed_attribute": [1.0, 2.0]}, protocol="test", metrics={"vgmed_attribute": LOOKS})
    assert ids(table("grounding", one, other).measured) == ["a"]


@pytest.mark.parametrize(("parameters", "key"), [(0.5, "table1"), (10, "table1"), (10.1, "tableG5"), (34, "tableG5")])
def test_large_models_stand_in_their_own_table(parameters: float, key: str) -> None:
    one = entry("a", FOUR | {"slake_open": [0.5]}, parameters=parameters)
    where = {other.key for other in tables([one], "vgrefine") if other.measured}
    assert where == ({"table1", "tableE3"} if key == "table1" else {"tableG5"})
    assert cell(table(key, one), "a", "VQA-RAD").text == "66.7"


def test_large_models_have_all_columns() -> None:
    scores = (
        FOUR
        | {"slake_open": [0.5, 0.25], "omnimedvqa_us": [1.0]}
        | {f"mmmu_med_{name}": [1.0, 0.0] for name in SUBJECTS}
    )
    one = table(
        "tableG5", entry("a", scores, parameters=34, metrics={"slake_open": {"bleu1": 0.25, "bertscore": None}})
    )
    shown = {
        column.title: cell.text for column, cell in zip(one.columns, one.measured[0].cells, strict=True) if cell.text
    }
    expected = {"VQA-RAD": "66.7", "SLAKE": "50.0", "PathVQA": "25.0", "PMC-VQA": "100.0", "Avg. on Med-VQAs": "50.0"}
    expected |= {"SLAKE BLEU-1": "25.0", "SLAKE OpenRecall": "37.5", "US": "100.0"}
    assert shown == expected | dict.fromkeys(("BMS", "CM", "DLM", "P", "PH", "MMMU Avg."), "50.0")
    assert one.columns[one.ranked].title == "Avg. on Med-VQAs"


def test_zero_shot_is_of_the_tables_benchmarks() -> None:
    one = entry("a", FOUR | {"omnimedvqa_us": [1.0]}, trained_on=["path_vqa", "coco"])
    assert [row.zero_shot for row in table("table1", one).measured] == [False]
    assert [row.zero_shot for row in table("table3", one).measured] == [True]
    chen = entry("b", {"slake_chen": [1.0]}, protocol="chen", trained_on=["medical_eval"])
    assert [row.zero_shot for row in table("table1", chen, protocol="chen").measured] == [False]


def test_rows_say_who_they_are() -> None:
    row = table("table1", entry("a", FOUR, name="Some-7B", parameters=7.6, method=spec("pai", alpha=0.5))).measured[0]
    assert (row.name, row.method, row.parameters, row.entry) == ("Some-7B", "pai", 7.6, "a")


# other tables


def test_mmmu_weighs_by_test_questions() -> None:
    right = dict(zip(SUBJECTS, (3, 0, 2, 1, 0), strict=True))
    scores = {f"mmmu_med_{name}": [1.0] * n + [0.0] * (4 - n) for name, n in right.items()}
    one = table("table2", entry("a", scores))
    average = cell(one, "a", "Avg.")
    assert average.value == pytest.approx(100 * (0.75 * 326 + 0.5 * 162 + 0.25 * 430) / 1752)
    assert (average.n, average.rank) == (20, Rank(1, 1, 1))
    assert average.low is not None
    assert "validation split" in one.about
    del scores["mmmu_med_pharmacy"]
    assert cell(table("table2", entry("a", scores)), "a", "Avg.") == CellView("")


def test_open_questions_are_shown_times_100_and_those_with_values_a_question_are_ranked() -> None:
    means = {"bertscore": 0.75, "average": 0.4}
    bleu = {"slake_open": {"bleu1": [0.0, 0.25]}}
    one = table("tableE3", entry("a", {"slake_open": [0.5, 0.25]}, metrics={"slake_open": means}, further=bleu))
    shown = cell(one, "a", "SLAKE BLEU-1")
    assert shown._replace(low=None, high=None) == CellView("12.5", 12.5, n=2, rank=Rank(1, 1, 1), rule="bleu1|v:0")
    assert (cell(one, "a", "SLAKE BERT").low, cell(one, "a", "SLAKE BERT").rank) == (None, None), "a mean only"
    assert cell(one, "a", "SLAKE BERT").text == "75.0"
    assert cell(one, "a", "SLAKE Avg.").value == 40
    recall = cell(one, "a", "SLAKE OpenRecall")
    assert (recall.text, recall.value, recall.rank) == ("37.5", 37.5, Rank(1, 1, 1))
    assert one.columns[one.ranked].title == "SLAKE OpenRecall", "nobody has VQA-RAD"


def test_what_has_no_value_is_empty() -> None:
    one = table("tableE3", entry("a", {"slake_open": [0.5]}, metrics={"slake_open": {"bleu1": 0.5, "bertscore": None}}))
    assert cell(one, "a", "SLAKE BERT") == CellView("")
    assert cell(one, "a", "SLAKE Avg.") == CellView("")


def test_the_first_recall_that_most_rows_have_is_ranked() -> None:
    rows = [entry("a", {"vqa_rad_open": [1.0]}), entry("b", {"pathvqa_open": [1.0], "slake_open": [1.0]}, weights="b")]
    rows.append(entry("c", {"pathvqa_open": [0.5], "slake_open": [0.0]}, weights="c"))
    one = table("tableE3", *rows)
    assert one.columns[one.ranked].title == "SLAKE OpenRecall"
    assert ids(one.measured) == ["b", "c", "a"]


def test_the_demo() -> None:
    scores = {"vqa_demo_standard": [1.0, 0.0], "vqa_demo_hard": [0.0, 0.0], "vgmed_demo": [2.0, 4.0]}
    rows = [entry(id, scores, metrics={"vgmed_demo": LOOKS}) for id in ("a", "b")]
    one = table("demo", *rows)
    assert [cell.text for cell in one.measured[0].cells if cell.text] == [
        "50.0",
        "0.0",
        "25.0",
        "3.00",
        "2.000",
        "0.250",
        "16",
    ]
    assert one.columns[one.ranked].title == "Avg."
    assert "demo" not in keys(protocol="vgrefine")
    assert "grounding" not in keys(*rows, protocol="vgrefine")


# what is said beside


def test_notes() -> None:
    rules = {"pmc_vqa": "another"}
    rows = [entry("a", FOUR), entry("b", FOUR | {"pmc_vqa": [0.0]}, weights="b")]
    rows.append(entry("c", FOUR, rules=rules, leaks=["slake"], weights="c"))
    one = table("table1", *rows)
    assert cell(one, "c", "PMC-VQA").rank is None
    assert cell(one, "c", "SLAKE").rank == Rank(1, 3, 3)
    assert "Not ranked: c in PMC-VQA, Avg. (another rule)" in one.notes
    assert said(one, "PMC-VQA is scored by several rules")
    assert said(one, "Rank: the best to the worst place")
    assert said(one, "resamples:2000|seed:0")
    assert said(one, "Zero-shot: ")[0].endswith("not trained on path_vqa, pmc_vqa, slake, vqa_rad")
    assert said(one, "Leak: c") == [
        "Leak: c: its heads were, or may have been, ranked on images of slake, so its results may be too good"
    ]
    assert said(table("tableF4", *bases()), "resamples:10000|seed:0")
    assert not said(table("table2"), "Rank")


def test_questions_without_a_score_are_in_no_mean() -> None:
    one = table("table1", entry("a", {"slake_closed": [1.0, nan, 0.0]}))
    assert (cell(one, "a", "SLAKE").value, cell(one, "a", "SLAKE").n) == (50, 2)
