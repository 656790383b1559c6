"""Whole tables: their rows, hand-computed values, and the paper's numbers apart and as printed."""

from __future__ import annotations

from itertools import permutations
from math import nan
from typing import Any

import pytest
from entries import entry
from saved_run import spec

from lmms_vg.leaderboard.chance_rows import Chance
from lmms_vg.leaderboard.plain_pairing import plain_runs
from lmms_vg.leaderboard.table_model import CellView, Rank, RowView, TableView
from lmms_vg.leaderboard.tables import tables
from lmms_vg.metrics.chance import Blind
from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.paper import published
from lmms_vg.paper.protocols import ProtocolName
from lmms_vg.submission.validated import Entry

FOUR = {
    "vqa_rad_closed": [1.0, 1.0, 0.0],
    "slake_closed": [1.0, 0.0],
    "pathvqa_closed": [0.0, 0.0, 0.0, 1.0],
    "pmc_vqa": [1.0],
}
THREE = {task: row for task, row in FOUR.items() if task != "pmc_vqa"}
SUBJECTS = (
    "basic_medical_science",
    "clinical_medicine",
    "diagnostics_and_laboratory_medicine",
    "pharmacy",
    "public_health",
)
LOOKS = {"kl": 2.0, "js": 0.25, "best_layer": 16.0}


def table(key: str, *entries: Entry, protocol: ProtocolName = "vgrefine") -> TableView:
    return next(one for one in tables(entries, protocol) if one.key == key)


def keys(*entries: Entry, protocol: ProtocolName = "test") -> list[str]:
    return [one.key for one in tables(entries, protocol)]


def cell(one: TableView, row: str, title: str) -> CellView:
    """Return the cell of a submission by its id, or of a published row by its name."""
    rows = {row.entry or row.name: row for row in (*one.measured, *one.published)}
    return rows[row].cells[[column.title for column in one.columns].index(title)]


def ids(rows: list[RowView]) -> list[str]:
    return [row.entry for row in rows]


def said(one: TableView, about: str) -> list[str]:
    return [note for note in one.notes if about in note]


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


# the paper's numbers


def test_published_rows_are_as_printed_and_apart() -> None:
    one = table("table1", entry("a", FOUR, name="VGRefine (Ours)"))
    assert ids(one.measured) == ["a"]
    assert one.source == "Liu et al., ICLR 2026, Table 1, Section 4.2"
    assert [row.name for row in one.published] == list(published.table("1").rows)
    assert [cell.value for cell in one.published[-1].cells] == [71.2, 76.9, 67.6, 56.2, 68.4]
    assert [cell.text for cell in one.published[-1].cells] == ["71.2", "76.9", "67.6", "56.2", "68.4"]
    assert cell(one, "LLaVA-Tri", "PMC-VQA") == CellView("")
    for row in one.published:
        assert row.entry == ""
        assert all(
            (cell.low, cell.high, cell.n, cell.rank, cell.rule) == (None, None, None, None, "") for cell in row.cells
        )


@pytest.mark.parametrize("id", ["1", "2", "3", "E.3", "F.4", "G.5"])
def test_marks_are_where_the_paper_does_not_add_up(id: str) -> None:
    source = published.table(id)
    off = {(done.row, done.column) for done in published.check(source) if not done.reproduces}
    off |= {(row, column) for row, column, *_ in published.impossible(source)}
    one = table(f"table{id.replace('.', '')}")
    marked = {
        (row.name, column.title)
        for row in one.published
        for column, cell in zip(one.columns, row.cells, strict=True)
        if cell.text.endswith(" *")
    }
    assert marked == off
    assert off
    assert all(said(one, row) for row, _ in off)


def test_what_is_known_not_to_add_up() -> None:
    """The paper prints 65.3 for HuatuoGPT-V-7B, but its cells pool to 64.83; VGRefine's 68.42 is right."""
    one = table("table1")
    assert cell(one, "HuatuoGPT-V-7B", "Avg.") == CellView("65.3 *", 65.3)
    assert "HuatuoGPT-V-7B, Avg.: 65.3 printed, 64.83 recomputed (pooled)" in said(one, "Not the average")[0]
    assert cell(one, "VGRefine (Ours)", "Avg.").text == "68.4"
    assert "PAI, SLAKE: 24.48 (n = 2,781)" in said(table("tableF4"), "No whole number")[0]


def test_parameters_are_known_where_the_name_says_them() -> None:
    sizes = {row.name: row.parameters for key in ("table1", "tableF4", "tableG5") for row in table(key).published}
    assert sizes["LLaVA-v1.6-7B"] == sizes["HuatuoGPT-V-7B (Baseline)"] == 7
    assert sizes["VILA-M3-13B"] == 13
    assert sizes["VGRefine-34B (Ours)"] == 34
    assert sizes["Med-Flamingo"] is sizes["VGRefine (Ours)"] is None


def test_methods_of_published_rows() -> None:
    assert [row.method for row in table("tableF4").published] == ["", "PAI", "AdaptVis", "ViCrop", "VGRefine"]


def test_the_paper_names_who_was_trained_on_the_data() -> None:
    """VILA-M3, MedPLIB and LLaVA-Tri were trained on the sets of Table 1; of Tables 2 and 3 the paper says nothing."""
    for key, named in {"table1": {"LLaVA-Tri"}, "table2": set(), "table3": set(), "tableE3": set()}.items():
        assert {row.name for row in table(key).published if row.zero_shot is not None} == named
    large = {row.name: row.zero_shot for row in table("tableG5").published}
    assert {name for name, zero_shot in large.items() if zero_shot is False} == {"VILA-M3-13B", "MedRegA-34B"}
    assert True not in large.values()


@pytest.mark.parametrize("protocol", ["test", "chen", "chen-greedy"])
def test_under_another_protocol_nothing_is_published(protocol: ProtocolName) -> None:
    assert tables([], protocol) == []
    task = "pmc_vqa" if protocol == "test" else f"pmc_vqa_{protocol.replace('-', '_')}"
    (one,) = tables([entry("a", {task: [1.0, 0.0]}, protocol=protocol)], protocol)
    assert (one.key, one.published, one.source) == ("table1", [], "")
    assert cell(one, "a", "PMC-VQA").text == "50.0"
    assert one.about.startswith(f"Protocol {protocol}: ")


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


def measured(id: str, scores: dict[str, list[float]], **metrics: dict[str, float]) -> Entry:
    return entry(id, scores, protocol=None, metrics={task: LOOKS | metrics.get(task, {}) for task in scores})


def test_where_models_look_is_pooled_over_both_kinds_of_questions() -> None:
    scores = {"vgmed_localization": [1.0, 2.0, 3.0], "vgmed_attribute": [6.0]}
    coco = {"vgmed_coco_localization": [8.0, 8.0], "vgmed_coco_attribute": [4.0, 4.0]}
    looks: dict[str, dict[str, float]] = {
        "vgmed_attribute": {"kl": 4.0, "js": 0.45, "best_layer": 18.0},
        "vgmed_coco_localization": {"kl": 1.5},
        "vgmed_coco_attribute": {"kl": 1.0},
    }
    one = table("grounding", measured("a", scores | coco, **looks))
    cells = zip(one.columns, one.measured[0].cells, strict=True)
    shown = {column.title: cell.text for column, cell in cells if cell.text}
    expected = {"medical AR": "3.00", "medical KL": "2.500", "medical JS": "0.300", "medical best layer": "16, 18"}
    expected |= {"COCO AR": "6.00", "COCO KL": "1.250", "COCO JS": "0.250", "COCO best layer": "16"}
    assert shown == expected | {"gap AR": "3.00", "gap KL": "1.250", "gap JS": "0.050"}
    assert cell(one, "a", "medical best layer").value is None
    assert cell(one, "a", "COCO best layer").value == 16
    assert cell(one, "a", "medical AR").rank == Rank(1, 1, 1)
    assert cell(one, "a", "medical AR").low is not None
    medical = cell(one, "a", "medical KL")
    assert medical.low is not None
    assert (medical.low < 2.5 < (medical.high or 0), medical.rank) == (True, Rank(1, 1, 1))
    assert cell(one, "a", "medical KL").rule == "alignment|geometry:true|rows:last"
    assert (cell(one, "a", "gap AR").rank, cell(one, "a", "gap AR").n) == (None, 8)


def test_a_gap_is_of_the_kinds_of_questions_that_both_sides_have() -> None:
    scores = {"vgmed_localization": [1.0, 2.0], "vgmed_attribute": [6.0], "vgmed_coco_localization": [5.0, 6.0]}
    one = table("grounding", measured("a", scores), measured("b", {"vgmed_attribute": [1.0]}))
    assert cell(one, "a", "gap AR").value == 4
    assert cell(one, "b", "gap AR") == CellView("")
    assert (
        "Measured on other tasks: a in gap AR, gap KL, gap JS (vgmed_coco_localization, vgmed_localization)"
        in one.notes
    )
    assert said(one, "Not ranked: b in medical AR, medical KL, medical JS (other tasks)")


def test_attention_measured_otherwise_is_not_ranked() -> None:
    rules = {"vgmed_attribute": "alignment|geometry:stretch|rows:last"}
    rows = [
        entry(id, {"vgmed_attribute": row}, protocol=None, weights=id)
        for id, row in {"b": [1.0, 2.0], "c": [2.0, 1.0]}.items()
    ]
    one = table("grounding", *rows, entry("a", {"vgmed_attribute": [9.0, 9.5]}, protocol=None, rules=rules))
    assert cell(one, "a", "medical AR").rank is None
    assert "Not ranked: a in medical AR (another rule)" in one.notes
    assert said(one, "medical AR is scored by several rules")
    assert ids(one.measured) == ["b", "c", "a"], "below what has a rank, however high its value"


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


# what is not ranked


def test_folded_rows_stand_under_the_row_that_is_ranked_for_them() -> None:
    """Even if their numbers are higher."""
    rows = [
        entry("top", {"pmc_vqa": [1, 1, 1, 1]}, weights="top"),
        entry("first", {"pmc_vqa": [1, 0, 0, 0]}, method=spec("pai", alpha=0.1), arrival=1),
        entry("z", {"pmc_vqa": [0, 0, 0, 0]}, weights="z"),
        entry("high", {"pmc_vqa": [1, 1, 1, 0]}, method=spec("pai", alpha=0.2), arrival=2),
        entry("low", {"pmc_vqa": [0, 0, 0, 0]}, method=spec("pai", alpha=0.3), arrival=3),
    ]
    one = table("table1", *rows)
    assert ids(one.measured) == ["top", "first", "high", "low", "z"]
    assert [(row.under, row.settings) for row in one.measured] == [
        ("", 1),
        ("", 3),
        ("first", 3),
        ("first", 3),
        ("", 1),
    ]
    assert [cell(one, id, "PMC-VQA").rank is None for id in ids(one.measured)] == [False, False, True, True, False]


def test_oracles_and_controls_stand_apart() -> None:
    rows = [
        entry(name, FOUR, method=spec(name))
        for name in ("plain", "vgrefine", "random_mask", "inverse_mask", "oracle_mask")
    ]
    for key in ("table1", "tableF4"):
        one = table(key, *rows)
        assert sorted(ids(one.measured)) == ["plain", "vgrefine"]
        assert {row.entry: row.role for row in one.unranked} == {
            "random_mask": "control",
            "inverse_mask": "control",
            "oracle_mask": "oracle",
        }
        assert {row.cells[0].rank for row in one.unranked} == {None}
    assert {row.cells[5].text for row in one.unranked} == {"+0.00"}, "compared with plain as the others are"


def test_a_control_of_the_questions_stands_apart_and_is_nobody_s_baseline() -> None:
    blank = [entry(f"{name}-blank", FOUR, method=spec(name), control="blank_image") for name in ("plain", "vgrefine")]
    one = table(
        "table1", *blank, entry("plain", FOUR, method=spec("plain")), entry("vgrefine", FOUR, method=spec("vgrefine"))
    )
    assert sorted(ids(one.measured)) == ["plain", "vgrefine"]
    assert {(row.method, row.role) for row in one.unranked} == {
        ("plain, blank_image", "control"),
        ("vgrefine, blank_image", "control"),
    }
    assert {row.cells[0].rank for row in one.unranked} == {None}
    assert {row.cells[0].rank is None for row in one.measured} == {False}
    assert plain_runs(blank) == {}


def blind(right: int, n: int) -> Blind:
    return Blind(right, n, "yes", n)


def test_chance_stands_apart_where_it_is_known() -> None:
    always = Chance("always yes", {"vqa_rad_closed": blind(580, 1297), "pmc_vqa": blind(500, 2000)})
    both = Chance("the commonest answer", {task: blind(number, 100) for number, task in enumerate(FOUR)})
    made = {one.key: one for one in tables([entry("a", FOUR)], "vgrefine", chance=[always, both])}
    rows = made["table1"].unranked
    assert [(row.name, row.role, row.entry) for row in rows] == [
        ("always yes", "chance", ""),
        ("the commonest answer", "chance", ""),
    ]
    assert [cell.text for cell in rows[0].cells] == ["44.7", "", "", "25.0", ""]
    assert [cell.text for cell in rows[1].cells] == ["0.0", "1.0", "2.0", "3.0", "1.5"]
    assert (rows[1].cells[4].n, rows[1].cells[4].low) == (400, None)
    assert not made["table2"].unranked


# methods against their plain run


def bases(**changes: Any) -> list[Entry]:
    return [
        entry("vgrefine", FOUR | {"slake_closed": [1.0, 1.0]}, method=spec("vgrefine", k=1), name="B", **changes),
        entry("plain", FOUR, name="B", **changes),
        entry("pai", {**FOUR, "pathvqa_closed": [0.0] * 4}, method=spec("pai"), name="B", **changes),
    ]


def test_methods_stand_below_their_plain_run() -> None:
    other = [
        entry("other-pai", THREE, method=spec("pai"), name="A", weights="other"),
        entry("other-plain", THREE, name="A", weights="other"),
    ]
    one = table("tableF4", *bases(), *other, entry("lonely", FOUR, name="C", weights="third"))
    assert ids(one.measured) == ["other-plain", "other-pai", "plain", "vgrefine", "pai"]
    assert [column.title for column in one.columns][4:] == [
        "Avg.",
        "difference",
        "better",
        "worse",
        "p",
        "m",
        "p (Holm)",
    ]
    assert [cell.text for cell in one.measured[2].cells[5:]] == [""] * 6
    assert [cell.text for cell in one.measured[3].cells[5:8]] == ["+10.00", "1", "0"]
    assert [cell.text for cell in one.measured[4].cells[5:8]] == ["-10.00", "0", "1"]
    assert [cell.text for cell in one.measured[1].cells[5:]] == ["+0.00", "0", "0", "1.0000", "1", "1.0000"], (
        "without Avg.: three sets"
    )
    assert cell(one, "other-pai", "difference").n == 9
    assert cell(one, "vgrefine", "difference").low is None, "a single image differs"
    assert said(one, "fewer than 10 images differ")
    assert cell(one, "vgrefine", "p (Holm)").value == pytest.approx(
        float(cell(one, "vgrefine", "p (Holm)").text), abs=1e-4
    )
    assert "Difference: other-pai over VQA-RAD, SLAKE, PathVQA only" in one.notes


def test_no_plain_run_is_said() -> None:
    one = table("tableF4", *bases(), entry("bf16", FOUR, method=spec("pai"), dtype="bfloat16"))
    assert cell(one, "bf16", "difference") == CellView("no plain run")
    assert cell(one, "bf16", "p (Holm)") == CellView("")
    assert cell(one, "bf16", "Avg.").text == "50.0"


def test_ranks_are_among_the_rows_that_are_shown() -> None:
    wrong = [[float(number != other) for number in range(9)] for other in range(3)]
    good = [entry(f"good-{n}", dict.fromkeys(FOUR, row), name="C", weights=str(n)) for n, row in enumerate(wrong)]
    rows = [entry("m", {task: [0.0] * 9 for task in FOUR}, method=spec("pai"))]
    assert cell(table("table1", *good, *rows), "m", "Avg.").rank == Rank(4, 4, 4)
    assert cell(table("tableF4", *good, *rows), "m", "Avg.").rank == Rank(1, 1, 1)


def test_methods_on_large_models_stand_there_too() -> None:
    assert ids(table("tableF4", *bases(parameters=34)).measured) == ["plain", "vgrefine", "pai"]


def test_which_plain_run_is_said_where_there_are_several() -> None:
    one = table("tableF4", *bases(), entry("plain-2", FOUR))
    assert said(one, "Difference: ") == ["Difference: vgrefine against plain", "Difference: pai against plain"]
    assert said(table("tableF4", *bases()), "Difference: ") == []


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


def test_zero_has_no_sign() -> None:
    coco = {"vgmed_attribute": [1.0], "vgmed_coco_attribute": [1.0 - 1e-9]}
    assert cell(table("grounding", measured("a", coco)), "a", "gap AR").text == "0.00"


# what is left of a look after a blind one


def looking(id: str, excess: list[float], hidden: bool = False, recomputed: bool = True, **more: Any) -> Entry:
    """AR 1 to n on vgmed_attribute; excess of AR, KL and JS, and placement."""
    task, n = "vgmed_attribute", len(excess)
    rows = {"excess_js": excess, "placement": [0.5 - value for value in excess]}
    rows |= (
        {} if hidden else {"excess_ar": [-2 * value for value in excess], "excess_kl": [3 * value for value in excess]}
    )
    rows |= {"kl": [2.0 + value for value in excess]}
    made = entry(id, {task: [1.0 + i for i in range(n)]}, further={task: rows}, **more)
    unjudged = {"excess_ar": "hidden", "excess_kl": "hidden"} if hidden else {}
    made.scores[task] = made.scores[task]._replace(recomputed=recomputed, unjudged=unjudged)
    return made


def test_excess_and_placement_have_values_intervals_and_ranks() -> None:
    excess = [-0.4, -0.2, 0.0, -0.2, -0.1, -0.3] * 5
    one = table("grounding", looking("a", excess), looking("b", [0.0, 0.1, -0.1] * 10, weights="other"))
    expected = {"medical excess AR": "0.400", "medical excess KL": "-0.600", "medical excess JS": "-0.200"}
    for title, text in (expected | {"medical placement": "0.700"}).items():
        found = cell(one, "a", title)
        assert found.text == text
        assert found.n == 30
        assert found.rank == Rank(1, 1, 2), "lower is better of KL and JS"
        assert cell(one, "b", title).rank == Rank(2, 2, 2)
    low, high = cluster_interval(excess, [f"{i}" for i in range(30)])
    found = cell(one, "a", "medical excess JS")
    assert (found.low, found.high) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))
    assert ids(one.measured) == ["a", "b"]
    assert one.columns[one.ranked].title == "medical excess JS"


def test_a_hidden_layer_has_no_verdict_on_kl_and_ar() -> None:
    one = table("grounding", looking("a", [-0.2] * 12, hidden=True), looking("b", [-0.1] * 12, weights="other"))
    for title in ("medical excess AR", "medical excess KL"):
        assert cell(one, "a", title) == CellView("hidden")
        assert cell(one, "b", title).rank == Rank(1, 1, 1)
    assert cell(one, "a", "medical excess JS").text == "-0.200"
    assert cell(one, "a", "medical KL").rank is None, "the value stays, without a verdict"
    assert said(one, "Not ranked: a in medical KL (patches are hidden in its layer")
    assert cell(one, "b", "medical KL").rank == Rank(1, 1, 1), "nobody is ranked among rows that say nothing"
    assert one.columns[one.ranked].title == "medical excess JS"


def test_rows_whose_kl_is_spoiled_take_nobodys_place() -> None:
    """Knocked-out patches in boxes give any KL, here the best and the worst; the others rank as they do without them."""
    seeing = [-0.3, -0.2, -0.1, -0.2] * 6
    rows = [looking("b", seeing, weights="b"), looking("c", [-value for value in seeing], weights="c")]
    spoiled = [
        looking("a", [-9.0 + value for value in seeing], hidden=True, weights="a"),
        looking("d", [9.0 + value for value in seeing], hidden=True, weights="d"),
    ]
    alone, among = table("grounding", *rows), table("grounding", *rows, *spoiled)
    for id, place in (("b", 1), ("c", 2)):
        assert cell(among, id, "medical KL").rank == cell(alone, id, "medical KL").rank == Rank(place, place, 2)
        assert cell(among, id, "medical excess JS").rank != cell(alone, id, "medical excess JS").rank, (
            "JS speaks for all four"
        )
    assert {cell(among, id, "medical KL").rank for id in "ad"} == {None}


def test_a_row_says_whether_its_grounding_was_recomputed() -> None:
    rows = [looking("a", [-0.2] * 12), looking("b", [-0.1] * 12, recomputed=False, weights="other")]
    said = {row.entry: row.grounding for row in table("grounding", *rows).measured}
    assert said == {"a": "grounding recomputed", "b": "grounding not recomputed"}
    assert {row.grounding for row in table("table1", entry("c", FOUR)).measured} == {""}
