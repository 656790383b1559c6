"""Downloaded tables have the same numbers in every format, whatever a model is called."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
import saved_run
from entries import entry
from saved_run import spec

from lmms_vg.leaderboard.formats import FORMATS, as_csv, as_json, as_latex, as_markdown
from lmms_vg.leaderboard.table_model import CellView, ColumnView, RowView, TableView
from lmms_vg.leaderboard.tables import tables

ROWS = [
    entry("plain", {"slake_closed": [1, 0, 0], "pmc_vqa": [1, 1, 0, 0]}),
    entry("pai", {"slake_closed": [0, 0, 0], "pmc_vqa": [0, 1, 0, 1]}, method=spec("pai")),
    entry("other", {"slake_closed": [1, 0]}, weights="w", method=spec("pai"), trained_on=["slake"]),
]


def table(key: str = "table1", rows: list = ROWS) -> TableView:
    return next(one for one in tables(rows, "vgrefine") if one.key == key)


def lines(one: TableView) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(one))))


ONE = CellView("1.0", 1.0)


def made(name: str, cell: CellView = ONE) -> TableView:
    column = ColumnView("SLAKE", "about", unit="%")
    return TableView(
        "table1", "title", "about", [column], 0, [RowView(name, "plain", 7.0, "id", True, [cell])], [], "", [name]
    )


def test_csv_has_a_line_a_number_in_full_precision() -> None:
    one = table()
    found = lines(one)
    assert len(found) == sum(cell.text != "" for row in (*one.measured, *one.published) for cell in row.cells)
    first = next(line for line in found if line["entry"] == "plain" and line["column"] == "SLAKE")
    cell = next(row for row in one.measured if row.entry == "plain").cells[1]
    assert (float(first["value"]), float(first["low"]), float(first["high"])) == (cell.value, cell.low, cell.high)
    assert first["value"] == repr(100 * (1 / 3))
    assert [first[name] for name in ("table", "kind", "name", "method", "parameters", "zero_shot", "unit", "n")] == [
        *("table1", "measured", "Model-7B", "plain", "7.0", "True", "%", "3")
    ]
    assert [first[name] for name in ("rank_best", "rank_worst", "ranked", "role", "under", "settings")] == [
        *("1", "2", "2", "", "", "1")
    ]
    assert (first["rule"], first["better"]) == ("closed|rule:made-up|v:0", "higher")


def test_csv_keeps_published_apart() -> None:
    found = [line for line in lines(table()) if line["kind"] == "published"]
    assert {line["entry"] for line in found} == {""}
    assert {line["source"] for line in found} == {"Liu et al., ICLR 2026, Table 1, Section 4.2"}
    assert {line["rank_best"] + line["ranked"] + line["n"] + line["low"] for line in found} == {""}
    huatuo = {line["column"]: line for line in found if line["name"] == "HuatuoGPT-V-7B"}
    assert (huatuo["Avg."]["value"], huatuo["Avg."]["remark"], huatuo["SLAKE"]["remark"]) == ("65.3", "*", "")
    assert {line["source"] for line in lines(table()) if line["kind"] == "measured"} == {""}


def test_csv_says_why_there_is_no_number() -> None:
    found = [line for line in lines(table("tableF4")) if line["entry"] == "other" and line["column"] == "difference"]
    assert [(line["value"], line["remark"]) for line in found] == [("", "no plain run")]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "\x00=1"])
def test_no_text_is_a_formula(name: str) -> None:
    (line,) = lines(made(name))
    assert line["name"].startswith("'")
    assert line["name"].endswith("1") or line["name"].endswith(")")


def test_numbers_are_no_text() -> None:
    (line,) = lines(made("m", CellView("-1.50", -1.5, -2.5, -0.5)))
    assert (line["value"], line["low"], line["high"]) == ("-1.5", "-2.5", "-0.5")


@pytest.mark.parametrize("name", ['a,b"c', "a\nb", "a\r\nb", "\x00a\x1b[31mb", "a\u2028b", "\u202egnp.exe", "\ud800x"])
def test_csv_has_as_many_cells_whatever_the_name(name: str) -> None:
    text = as_csv(made(name))
    assert len(text.splitlines()) == 2
    assert len({len(line) for line in csv.reader(io.StringIO(text))}) == 1
    text.encode("utf-8")


def test_json_has_all_of_it_apart() -> None:
    one = table()
    read = json.loads(as_json(one))
    assert as_json(one) == as_json(table(rows=ROWS[::-1])), "not by the order of entries"
    assert list(read) == sorted(read)
    assert read["ranked"] == one.columns[one.ranked].title
    assert [row["entry"] for row in read["measured"]] == [row.entry for row in one.measured]
    assert [row["name"] for row in read["published"]] == [row.name for row in one.published]
    cell = one.measured[0].cells[1]
    assert cell.rank is not None
    assert read["measured"][0]["cells"][1] == cell._asdict() | {"rank": cell.rank._asdict()}
    assert read["columns"][0] == one.columns[0]._asdict()
    assert (read["source"], read["notes"]) == (one.source, one.notes)


def test_json_takes_no_number_that_is_none() -> None:
    with pytest.raises(ValueError, match="JSON"):
        as_json(made("m", CellView("nan", float("nan"))))


def test_markdown_has_two_tables_with_rank_interval_and_n() -> None:
    text = as_markdown(table())
    ours, papers = saved_run.tables(text)
    assert ours[0] == [
        *("rank", "model", "method", "parameters (B)", "zero-shot", "submission"),
        *("VQA-RAD", "SLAKE", "PathVQA", "PMC-VQA (n = 4)", "Avg."),
    ]
    assert ours[1][:2] == ["1–2 of 2", "Model-7B"]
    assert ours[1][7] == "33.3 (6.1 to 79.2, n = 3)"
    assert ours[3][:6] == ["", "Model-7B", "pai", "7", "no", "other"], "without a rank, so below"
    assert ours[3][7] == "50.0 (9.5 to 90.5, n = 2)", "rows differ in n"
    assert papers[0] == [
        "model",
        "method",
        "parameters (B)",
        "zero-shot",
        "VQA-RAD",
        "SLAKE",
        "PathVQA",
        "PMC-VQA",
        "Avg.",
    ]
    assert papers[-1] == ["VGRefine (Ours)", "VGRefine", "", "", "71.2", "76.9", "67.6", "56.2", "68.4"]
    assert papers[-2][-1] == r"65.3 \*"
    assert "## published (Liu et al., ICLR 2026, Table 1, Section 4.2)" in text
    assert "- SLAKE: Accuracy: slake\\_closed (n = 2,781)" in text
    assert "- Not ranked: other in SLAKE (other questions)" in text
    assert "- rank: in SLAKE" in text


BESIDE = [
    entry("z70", {"slake_closed": [1, 1, 0]}, method=spec("pai", alpha=0.7)),
    entry("oracle", {"slake_closed": [1, 1, 1]}, method=spec("oracle_mask")),
]


def test_rows_that_are_not_ranked_are_apart_in_every_format() -> None:
    one = table(rows=[*ROWS, *BESIDE])
    ours, beside, _ = saved_run.tables(as_markdown(one))
    oracle, folded = beside[1], next(line for line in ours if "z70" in line[5])
    assert (oracle[0], folded[0]) == ("", "")
    assert oracle[5].startswith("oracle not ranked: reads the reference boxes")
    assert folded[5] == "z70 not ranked: pai is ranked for this model and method"
    assert (
        next(line for line in ours if line[5].startswith("pai"))[5] == "pai one of 2 settings, the one that is ranked"
    )
    kinds = {
        line["entry"]: (line["kind"], line["role"], line["under"]) for line in lines(one) if line["column"] == "SLAKE"
    }
    assert kinds["oracle"] == ("unranked", "oracle", "")
    assert kinds["z70"] == ("measured", "", "pai")
    assert [row["entry"] for row in json.loads(as_json(one))["unranked"]] == ["oracle"]


def test_markdown_without_measured_rows_has_the_papers_only() -> None:
    (papers,) = saved_run.tables(as_markdown(table(rows=[])))
    assert len(papers) == 9


def test_wide_tables_are_turned_and_narrow_ones_are_not() -> None:
    rows = [entry("big", {"slake_closed": [1, 0]}, parameters=34)]
    ours, papers = saved_run.tables(as_markdown(table("tableG5", rows)))
    assert ours[0] == ["rank", "1 of 1"]
    assert ["submission", "big"] in ours
    assert papers[0][1:] == [row.name for row in table("tableG5").published]
    assert len(papers) == 4 + 29
    many = [entry(f"big-{number}", {"slake_closed": [1, 0]}, parameters=34) for number in range(40)]
    assert len(saved_run.tables(as_markdown(table("tableG5", many)))[0]) == 41


def test_latex_has_two_tables_and_notes() -> None:
    text = as_latex(table())
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == text.count(r"\begin{table}") == 2
    assert r"VGRefine (Ours) & VGRefine &  &  & 71.2 & 76.9 & 67.6 & 56.2 & 68.4 \\" in text
    assert r"\caption{Closed questions of four medical VQA data sets: measured}" in text
    assert r"published (Liu et al., ICLR 2026, Table 1, Section 4.2)" in text
    assert r"33.3 (6.1 to 79.2, n = 3)" in text
    assert r"\par Not ranked: other in SLAKE (other questions)" in text
    assert text.count(r"{\footnotesize") == 1


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a|b|c",
    "a\n| x | y |\n",
    "[here](https://example.org)",
    "![x](https://example.org/x.png)",
    "`code`** __ ~~",
    r"\input{/etc/passwd}",
    r"\\[9cm] & & \end{tabular}",
    "$x^2$ %comment #1 ~ {",
    "a&b<c>d",
    "\x00\x1b\u202e\u2028",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_breaks_no_format(name: str) -> None:
    honest, hostile = table(rows=[_named("honest")]), table(rows=[_named(name)])
    text = as_markdown(hostile)
    assert [len(one) for one in saved_run.tables(text)] == [len(one) for one in saved_run.tables(as_markdown(honest))]
    assert not re.search(r"<\w", text)
    assert not re.search(r"(?<!\\)[`\]]", text)
    latex = as_latex(hostile)
    assert latex.count("&") - latex.count(r"\&") == as_latex(honest).count("&")
    commands = re.compile(r"\\[A-Za-z]+")
    assert {*commands.findall(latex)} <= {*commands.findall(as_latex(honest)), *_SPELT}
    assert latex.count("{") - latex.count(r"\{") == latex.count("}") - latex.count(r"\}")
    assert len(latex.splitlines()) == len(as_latex(honest).splitlines())
    assert len(lines(hostile)) == len(lines(honest))
    assert json.loads(as_json(hostile))["measured"][0]["name"] == name


_SPELT = {r"\textbackslash", r"\textasciitilde", r"\textasciicircum", r"\textless", r"\textgreater", r"\textbar"}


def _named(name: str):
    return entry("id", {"slake_closed": [1, 0]}, name=name)


@pytest.mark.parametrize("form", FORMATS)
def test_every_table_has_every_format_without_signs_of_control(form: str) -> None:
    looks = {"vgmed_attribute": {"kl": 1.0, "js": 0.1, "best_layer": 3.0}}
    rows = [*ROWS, entry("big", {"slake_open": [1]}, parameters=34)]
    rows.append(entry("looks", {"vgmed_attribute": [1, 2], "vqa_demo_hard": [1]}, metrics=looks))
    found = tables(rows, "vgrefine")
    assert len(found) == 8
    for one in found:
        text = FORMATS[form](one)
        assert text.endswith("\n")
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
        assert text == FORMATS[form](one)
