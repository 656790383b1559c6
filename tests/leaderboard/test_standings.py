"""A submission's page shows its places in the tables and everything that its run is signed with."""

from __future__ import annotations

from entries import entry
from saved_run import spec

from lmms_vg.leaderboard.standings import metrics, provenance, standings
from lmms_vg.leaderboard.table_model import CellView, ColumnView, Rank, RowView, TableView


def test_places_are_of_every_row_with_a_page() -> None:
    columns = [ColumnView("A", ""), ColumnView("B", "")]
    rows = [
        RowView("m", "plain", 7.0, "a", True, [CellView("9", 9.0, rank=Rank(1, 1, 2)), CellView("", None)]),
        RowView("m", "pai", 7.0, "b", True, [CellView("8", 8.0, rank=Rank(2, 2, 2)), CellView("7", 7.0)]),
    ]
    printed = RowView("p", "", None, "", None, [CellView("99", 99.0), CellView("99", 99.0)])
    beside = [
        RowView("m", "oracle_mask", 7.0, "o", True, [CellView("10", 10.0), CellView("")], role="oracle"),
        RowView("always yes", "", None, "", None, [CellView("5", 5.0), CellView("5", 5.0)], role="chance"),
    ]
    table = TableView("t", "T", "", columns, 0, rows, [printed], "paper", [], beside)
    found = standings([table, table])
    assert sorted(found) == ["a", "b", "o"], "published rows and chance have no page"
    assert [[(place.column.title, place.cell.text) for place in one.places] for one in found["a"]] == [[("A", "9")]] * 2
    assert [place.cell.rank for place in found["b"][0].places] == [Rank(2, 2, 2), None]


def test_provenance_is_flat_and_leaves_nothing_out() -> None:
    one = entry("a", {"vqa_demo_hard": [1, 0]}, method=spec("pai", alpha=0.5), leaks=["slake"], default_settings=True)
    found = dict(provenance(one.manifest))
    assert found["weights"] == "f11c28524bde19d1"
    assert found["versions.torch"] == "2.6.0"
    assert found["settings.pretrained"] == "demo"
    assert found["seeds.random_seed"] == "0"
    assert found["leaks"] == '["slake"]'
    assert found["per_head"] == "false"
    assert found["commit"] == "null"
    assert found["schema_version"] == "2"
    left_out = set(type(one.manifest.run).model_fields) - {name.partition(".")[0] for name in found}
    unused = {"options", "control", "control_code", "sampling_seed", "further_rows"}
    assert left_out == {"method", *unused}, "no settings of the family, no control, no seed of its own"
    blank = entry("b", {"vqa_demo_hard": [1, 0]}, control="blank_image")
    assert dict(provenance(blank.manifest))["control"] == "blank_image"
    run = one.manifest.run.model_copy(update={"options": {"max_pixels": 12544}})
    assert dict(provenance(one.manifest.model_copy(update={"run": run})))["options.max_pixels"] == "12544"


def test_metrics_that_were_not_measured_say_so() -> None:
    values = {"vqa_rad_open": {"bertscore": None, "bleu1": 0.25}}
    task = entry("a", {"vqa_rad_open": [1, 0]}, metrics=values).manifest.tasks["vqa_rad_open"]
    assert metrics(task) == [("bertscore", "not measured"), ("bleu1", "0.25"), ("open_recall", "0.5")]
