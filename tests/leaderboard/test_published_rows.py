"""The paper's rows stand apart, as printed, with a mark where they do not add up."""

from __future__ import annotations

import pytest
from entries import entry
from shown_tables import FOUR, cell, ids, said, table

from lmms_vg.leaderboard.table_model import CellView
from lmms_vg.leaderboard.tables import tables
from lmms_vg.paper import published
from lmms_vg.paper.protocols import ProtocolName


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
