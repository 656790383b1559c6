"""The paper's tables agree with its text, and the averages that do not follow from their cells are known."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lmms_vg.datasets.slake import SLAKE
from lmms_vg.paper.columns import COLUMNS, WEIGHTINGS
from lmms_vg.paper.published import Published, PublishedTable, check, impossible, published, show, table

TABLES = ["1", "2", "3", "4", "E.3", "F.4", "G.5", "R.6"]

NOT_REPRODUCED = {  # what the cells average to, and the other weightings that would give the printed average
    ("1", "Qwen-VL-Chat", "Avg."): ("50.33", []),
    ("1", "LLaVA-v1.6-7B", "Avg."): ("48.86", ["mean"]),
    ("1", "Med-Flamingo", "Avg."): ("43.47", ["mean"]),
    ("1", "RadFM", "Avg."): ("36.42", ["mean"]),
    ("1", "LLaVA-Med-7B", "Avg."): ("46.84", ["mean", "test splits"]),
    ("1", "HuatuoGPT-V-7B", "Avg."): ("64.83", []),
    ("2", "HuatuoGPT-V-7B", "Avg."): ("45.88", []),
    ("3", "Qwen-VL-Chat", "Avg."): ("47.51", ["mean"]),
    ("3", "LLaVA-v1.6-7B", "Avg."): ("50.02", ["mean"]),
    ("3", "Med-Flamingo", "Avg."): ("30.07", ["mean"]),
    ("3", "RadFM", "Avg."): ("28.09", ["mean"]),
    ("3", "MedPLIB", "Avg."): ("61.13", ["mean"]),
    ("4", "K = 1", "Avg."): ("66.22", []),
    ("4", "K = 2", "Avg."): ("66.23", []),
    ("4", "K = 5", "Avg."): ("67.38", []),
    ("4", "K = 8", "Avg."): ("67.77", []),
    ("E.3", "RadFM", "PathVQA Avg."): ("28.77", []),
    ("F.4", "HuatuoGPT-V-7B (Baseline)", "Avg."): ("64.83", []),
    ("F.4", "PAI", "Avg."): ("31.81", []),
    ("F.4", "AdaptVis", "Avg."): ("66.83", []),
    ("F.4", "ViCrop", "Avg."): ("65.68", []),
    ("G.5", "LLaVA-v1.6-34B", "Avg. on Med-VQAs"): ("58.33", ["mean"]),
    ("G.5", "VGRefine-34B (Ours)", "Avg. on Med-VQAs"): ("70.58", []),
    ("G.5", "VGRefine-34B (Ours)", "MMMU Avg."): ("51.09", []),
    ("G.5", "LLaVA-v1.6-34B", "OmniMedVQA Avg."): ("59.30", ["mean"]),
    ("G.5", "MedRegA-34B", "OmniMedVQA Avg."): ("70.17", []),
}

IMPOSSIBLE = {
    "2": "Med-Flamingo BMS, Med-Flamingo CM, Med-Flamingo DLM, RadFM BMS, RadFM DLM",
    "4": "K = 1 SLAKE, K = 1 PathVQA, K = 2 PathVQA, K = 5 VQA-RAD, K = 5 PathVQA, K = 8 PathVQA",
    "F.4": "PAI SLAKE",
    "G.5": "LLaVA-v1.6-34B CM, LLaVA-v1.6-34B PH, HuatuoGPT-V-34B BMS, HuatuoGPT-V-34B CM, VGRefine-34B (Ours) DLM",
}


@pytest.fixture
def paper() -> list[list[str]]:
    """The paper's lines, split at tabs, from LMMS_VG_SHARED_PAPER or ../shared/paper beside the checkout."""
    folder = Path(os.environ.get("LMMS_VG_SHARED_PAPER") or Path(__file__).parents[3] / "shared" / "paper")
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))]
    text = next((text for text in texts if "Table G.5:" in text), None)
    if text is None:
        pytest.skip(f"no text of the paper in {folder} (LMMS_VG_SHARED_PAPER names its folder)")
    return [[cell.strip() for cell in line.split("\t")] for line in text.splitlines() if "\t" in line]


def cells(one: PublishedTable, row: str) -> tuple[str, ...]:
    return tuple("-" if cell is None else str(cell) for cell in one.rows[row])


def with_cell(one: PublishedTable, row: str, column: str, value: Decimal | None) -> PublishedTable:
    changed = [value if name == column else cell for name, cell in zip(one.columns, one.rows[row], strict=True)]
    return one.model_copy(update={"rows": one.rows | {row: changed}})


def test_rows_are_the_papers(paper: list[list[str]]) -> None:
    """Tables with one model per line: every row has every digit, and no row of the paper is missing."""
    number = re.compile(r"[\d.]+|-|")
    printed: dict[int, set[tuple[str, ...]]] = {}
    for line in paper:
        name, *values = line[1:] if not line[0] or line[0].isdigit() else line
        if values and number.fullmatch(values[0]) and all(map(number.fullmatch, values)):
            name = re.sub(r"\s*\([^()]*\d{4}\w?\)", "", name)
            printed.setdefault(len(values), set()).add((name, *(value or "-" for value in values)))
    for width, ids in {5: ["1", "F.4"], 6: ["2"], 9: ["3"], 12: ["E.3"]}.items():
        stored = {(row, *cells(table(id), row)) for id in ids for row in table(id).rows}
        assert stored <= printed[width]
        assert {row for row in printed[width] if re.search("[A-Za-z]{3}", row[0])} == stored


def test_ablation_is_the_papers(paper: list[list[str]]) -> None:
    """Two ablations side by side in one table."""
    lines = [line[1:] for line in paper if r"\parallel" in line]  # the first is a line number
    head, *body = [[cell for cell in line if cell and cell != r"\parallel"] for line in lines]
    assert head == ["K", *table("4").columns, "p (%)", *table("4").columns]
    printed = {f"K = {line[-12]}": tuple(line[-11:-6]) for line in body}
    printed |= {f"p = {line[-6]}%": tuple(line[-5:]) for line in body}
    assert len(body) == 7
    assert {row: cells(table("4"), row) for row in table("4").rows} == printed


def test_the_turned_table_is_the_papers(paper: list[list[str]]) -> None:
    """Table G.5 has one model per column; its row of PMC-VQA is printed as a second PathVQA."""
    start = next(number for number, line in enumerate(paper) if line[:3] == ["Benchmarks", "Subset", "Metric"])
    head, *body = paper[start : start + 1 + len(table("G.5").columns)]
    for number, model in enumerate(head[3:], start=3):
        assert cells(table("G.5"), model) == tuple(line[number] for line in body)
    assert head[3:] == list(table("G.5").rows)
    labels = [line[0] for line in body if line[2] == "CloseAcc"]
    assert labels[:5] == ["VQA-RAD", "SLAKE", "PathVQA", "PathVQA", "Avg. on Med-VQAs"]
    assert str(table("G.5").cell("LLaVA-v1.6-34B", "PMC-VQA")) == "44.4"


def test_numbers_are_stored_as_text() -> None:
    """A JSON number would lose the last zero of 68.20, and with it the rounding."""
    raw = json.loads(resources.files("lmms_vg.paper").joinpath("published.json").read_text(encoding="utf-8"))
    values = [value for one in raw["tables"] for row in one["rows"].values() for value in row]
    assert {type(value) for value in values} == {str, type(None)}
    assert str(table("4").cell("p = 90%", "Avg.")) == "68.20"


def test_weightings_have_the_counted_totals() -> None:
    """9,440 pooled closed questions, 1,752 of MMMU's test split, 88,995 open-access ones; SLAKE's as its reader counts."""
    counts = {
        name: {column.title: column.weights[name] for column in COLUMNS if name in column.weights}
        for name in WEIGHTINGS
    }
    totals = {name: sum(by.values()) for name, by in counts.items()}
    assert totals == {"mean": 0, "pooled": 9440, "test splits": 6029, "MMMU test": 1752, "OmniMedVQA": 88995}
    assert counts["pooled"]["SLAKE"] == sum(n for part, n in SLAKE.counts.items() if part.startswith("closed/"))
    assert counts["test splits"]["SLAKE"] == SLAKE.counts["closed/test"]


def test_averages_that_do_not_reproduce() -> None:
    """The whole list, with the averages of the cells and the other weightings that would reproduce."""
    checks = [done for id in TABLES for done in check(table(id))]
    found = {
        (done.table, done.row, done.column): (f"{float(done.recomputed.value):.2f}", list(done.others))
        for done in checks
        if not done.reproduces
    }
    assert found == NOT_REPRODUCED
    assert len(checks) == 77
    assert not any(done.others for done in checks if done.reproduces)


@pytest.mark.parametrize("column", ["SLAKE", "Avg."])
def test_a_row_with_a_dash_is_left_out(column: str) -> None:
    """Nothing is averaged over fewer columns; every other row is checked."""
    one = with_cell(table("F.4"), "PAI", column, None)
    assert [done.row for done in check(one)] == [row for row in one.rows if row != "PAI"]
    assert [done.row for done in check(table("F.4"))] == list(one.rows)


def test_one_average_by_hand() -> None:
    """VGRefine: 924 + 2,138 + 2,273 + 1,124 right of 9,440; rounding allows this and the average of the cells."""
    (done,) = [done for done in check(table("4")) if done.row == "K = 20"]
    share = Fraction(100 * (924 + 2138 + 2273 + 1124), 9440)
    assert f"{float(share):.2f}" == str(done.printed) == "68.42"
    cells_as_printed = (1297 * 71.24 + 2781 * 76.88 + 3362 * 67.61 + 2000 * 56.20) / 9440
    half = Fraction(1, 200)
    assert done.recomputed.low + half == share
    assert float(done.recomputed.high - half) == pytest.approx(cells_as_printed, abs=1e-9)
    assert done.reproduces


def test_cells_no_count_gives() -> None:
    """All four ablation rows whose averages do not reproduce have such a cell, and no other row of the ablation has."""
    for id in TABLES:
        assert ", ".join(f"{row} {column}" for row, column, *_ in impossible(table(id))) == IMPOSSIBLE.get(id, "")
    assert ("K = 5", "VQA-RAD", Decimal("70.09"), 1297) in impossible(table("4"))


def test_no_weighting_gives_the_ablations_averages() -> None:
    """What the note of Table 4 says: K = 5 is better in every column than K = 1, and worse on average."""
    *one, one_average = table("4").rows["K = 1"]
    *five, five_average = table("4").rows["K = 5"]
    assert all(a < b for a, b in zip(one, five, strict=True))
    assert one_average > five_average


@pytest.mark.parametrize(
    ("id", "row", "column", "value", "reproduces"),
    [
        ("1", "VGRefine (Ours)", "PathVQA", "67.9", False),
        ("4", "K = 20", "VQA-RAD", "71.39", False),  # two answers more
        ("4", "K = 20", "Avg.", "68.43", False),
        ("4", "K = 8", "Avg.", "67.77", True),
        ("F.4", "AdaptVis", "Avg.", "66.8", True),
        ("E.3", "RadFM", "PathVQA Avg.", "28.8", True),
    ],
)
def test_one_cell_turns_the_verdict(id: str, row: str, column: str, value: str, reproduces: bool) -> None:
    average = next(by.column for by in table(id).averages if column in (by.column, *by.of))
    for one, expected in ((table(id), not reproduces), (with_cell(table(id), row, column, Decimal(value)), reproduces)):
        assert [done.reproduces for done in check(one) if (done.row, done.column) == (row, average)] == [expected]


def test_tables_as_text() -> None:
    """Every table has its source; numbers end below their headings; the widest tables are transposed."""
    blocks = show(check=False).split("\n\n")
    assert [block.split(". ")[0] for block in blocks] == [f"Table {id}" for id in TABLES]
    assert all(
        f"Source: Liu et al., ICLR 2026, Table {id}, " in block for id, block in zip(TABLES, blocks, strict=True)
    )
    lines = blocks[0].splitlines()
    tri = next(line for line in lines if line.startswith("LLaVA-Tri"))
    assert tri.split() == ["LLaVA-Tri", "59.8", "43.4", "59.0", "-", "-"]
    assert [tri.index("59.8") + 4, len(tri)] == [lines[2].index("VQA-RAD") + 7, len(lines[2])]
    assert "VQA-RAD 1,297, SLAKE 2,781" in blocks[0]
    assert 'second "PathVQA"' in blocks[-2]
    assert max(len(line) for block in blocks for line in block.splitlines() if re.search(r"\d  +\d", line)) <= 120


def test_check_as_text() -> None:
    """One line per average, one per cell, and how many there are of each."""
    text = show(check=True)
    huatuo = next(line for line in text.splitlines() if re.match(r"1 +HuatuoGPT-V-7B ", line))
    assert re.split(r"  +", huatuo)[3:] == ["pooled", "65.3", "64.83", "64.76 to 64.91", "does not, off by +0.47"]
    llava = next(line for line in text.splitlines() if re.match(r"1 +LLaVA-v1.6-7B ", line))
    assert llava.endswith("does not, off by -0.36; does under mean (48.48)")
    assert "70.09  1,297  70.0848 and 70.1619" in text
    assert text.count("  reproduces\n") == 51
    assert "\n17 cells that no whole number" in text
    assert text.endswith("\n77 averages: 51 reproduce, 26 do not")


def test_unknown_names_are_named() -> None:
    with pytest.raises(ValueError, match=r"table id='5': allowed are 1, 2, 3, 4, E.3, F.4, G.5"):
        table("5")
    with pytest.raises(ValueError, match="table 1 row='VGRefine': allowed are Qwen-VL-Chat"):
        table("1").cell("VGRefine", "Avg.")
    with pytest.raises(ValueError, match="table 1 column='Average': allowed are VQA-RAD"):
        table("1").cell("RadFM", "Average")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": {"a model": ["1.0"]}}, "table 1 row 'a model': 1 cells in 5 columns"),
        ({"rows": {"a model": ["1.0"] * 4 + ["100.1"]}}, "less than or equal to 100"),
        ({"columns": ["VQA-RAD", "SLAKE", "PathVQA", "PMC", "Avg."]}, r"columns \['PMC-VQA'\] are missing"),
        ({"columns": [*"VSPQ", "Avg.", "Avg."], "rows": {}, "averages": []}, "or one appears twice"),
        (
            {"averages": [{"column": "Avg.", "of": ["SLAKE", "Avg."], "weighting": "pooled"}]},
            "'pooled' does not weight it",
        ),
        ({"averages": [{"column": "Avg.", "of": ["SLAKE"], "weighting": "pool"}]}, "'pool' does not weight it"),
    ],
)
def test_broken_data_are_refused(change: dict[str, Any], message: str) -> None:
    """Data that would be averaged wrongly do not load."""
    data = json.loads(published().model_dump_json())
    data["tables"] = [data["tables"][0] | change]
    with pytest.raises(ValidationError, match=message):
        Published.model_validate_json(json.dumps(data))
