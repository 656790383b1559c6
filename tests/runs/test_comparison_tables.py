"""What a comparison prints: the form of Table F.4, every difference, and the same numbers in all three formats."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from saved_run import IDENTITY, RULE, closed, opened, save, spec, tables
from scipy.stats import binomtest

from lmms_vg.runs.compare import compare
from lmms_vg.runs.comparison import Comparison
from lmms_vg.runs.comparison_tables import as_csv, as_latex, as_markdown
from lmms_vg.runs.lmms_eval_output import read_run

REFINED = spec("vgrefine", heads=[[1, 1], [1, 0], [2, 3], [1, 2]], k=10)
METHODS = [(spec("plain"), [1, 0, 0, 0]), (REFINED, [1, 1, 1, 0])]
GROUPS = {"both": ["a", "b_x"]}


def table(folder: Path, allowed: tuple[str, ...] = (), **identity: object) -> Comparison:
    """Two runs, with 1 and 3 of 4 right, on two tasks, of which the second has only the first two questions."""
    runs = []
    for number, (method, scores) in enumerate(METHODS):
        lines = [closed(f"q{i}", score) for i, score in enumerate(scores)]
        run = IDENTITY | {"method": method} | (identity if number else {})
        model = f"huatuo_{'vgrefine' if number else 'plain'}"
        where = folder / str(number)
        saved = save(where, {"a": lines, "b_x": lines[:2]}, groups=GROUPS, run=run, seconds=0.5, model=model)
        runs.append(read_run(saved))
    return compare(runs, allowed)


def test_a_row_a_run_and_a_column_a_task(tmp_path: Path) -> None:
    overview, detail, _ = tables(as_markdown(table(tmp_path)))
    assert overview == [
        ["method", "a (n = 4)", "b_x (n = 2)", "both, pooled (n = 6)"],
        ["plain (base)", "25.0", "50.0", "33.3"],
        ["vgrefine", "75.0", "100.0", "83.3"],
        ["chance: one answer", "100.0", "100.0", "100.0"],
    ], "all references are yes"
    assert detail[0][5:] == [
        *("difference", "95% interval", "better", "worse"),
        *("p", "p (Holm)", "McNemar p", "McNemar p (Holm)"),
        *("detectable", "equal within 1"),
    ]
    assert detail[1] == ["plain (base)", "a", "4", "25.00", "0.500", *[""] * 10]
    pooled = detail[6]
    assert pooled[:6] == ["vgrefine", "both, pooled", "6", "83.33", "0.500", "+50.00"]
    assert pooled[7:9] == ["3", "0"]
    assert pooled[6] == "too few images"
    assert pooled[11:13] == [f"{binomtest(0, 3).pvalue:.4f}", "0.7500"], "three lines: three times the smallest"
    assert pooled[14] == "cannot tell"


def test_what_is_said_beside_the_tables(tmp_path: Path) -> None:
    text = as_markdown(table(tmp_path, ("dtype",), dtype="bfloat16"))
    notes = [line for line in text.splitlines() if line.startswith("- ")]
    assert notes[0] == "- plain (base): huatuo_plain (pretrained=demo), `20260101_120000_results.json`"
    assert notes[1].endswith(", vgrefine heads=1-1+1-0+2-3+1-2,k=10"), "in full"
    assert "- Allowed to differ: dtype (plain: float32; vgrefine (4 heads, k=10): bfloat16)" in notes
    assert f"- `{RULE}`" in notes
    assert any(note.startswith("- `bootstrap|unit:image|") for note in notes)
    assert "best" not in text.lower()
    stated = "- Circumstances of {}: weights f11c28524bde..., prompt 88b9caa1, dtype float32, device cpu, batch_size 8"
    assert stated.format("the base") in notes
    assert stated.format("all runs") in as_markdown(table(tmp_path / "same")).splitlines()


def test_one_run_is_a_table_without_differences(tmp_path: Path) -> None:
    run = read_run(save(tmp_path, {"a": [closed("q1", 1)]}))
    overview, detail, said = tables(as_markdown(compare([run])))
    assert overview == [["method", "a (n = 1)"], ["huatuo_plain", "100.0"], ["chance: one answer", "100.0"]]
    assert said[1] == ["huatuo_plain", "a", "0.000", "1.000", *["one class"] * 3]
    assert detail == [
        ["method", "task", "n", "score (%)", "s/question"],
        ["huatuo_plain", "a", "1", "100.00", ""],
    ]
    assert as_latex(compare([run])).count(r"\begin{tabular}") == 1


def test_shared_work_is_said_beside_the_time(tmp_path: Path) -> None:
    shared = ["plain", "pai"]
    path = save(tmp_path, {"a": [closed("q1", 1)]}, run=IDENTITY | {"shared": shared}, seconds=0.4149)
    text = as_markdown(compare([read_run(path)]))
    assert tables(text)[1][1][4] == "(shared)", "a time that belongs to no single method is not compared"
    assert ",0.4149," in as_csv(compare([read_run(path)]))
    assert "- (shared): plain, pai were answered together" in text


@pytest.mark.parametrize(
    ("score", "interval", "p", "rest"),
    [(1, "+67.77 to +100.00", "< 0.0001", ["", ""]), (0, "-16.11 to +16.11", "1.0000", ["27.44", "cannot tell"])],
)
def test_small_p_is_not_called_zero(tmp_path: Path, score: int, interval: str, p: str, rest: list[str]) -> None:
    """0 of 20 that differ may be up to 16.11% (Wilson)."""
    runs = [
        read_run(save(tmp_path / name, {"a": [closed(f"q{i}", value) for i in range(20)]}))
        for name, value in (("x", 0), ("y", score))
    ]
    cells = tables(as_markdown(compare(runs)))[1][2]
    assert cells[5:7] == [f"{100 * score:+.2f}", interval]
    assert cells[11] == p
    assert cells[13:] == rest


def test_one_image_has_no_interval(tmp_path: Path) -> None:
    runs = [
        read_run(save(tmp_path / name, {"a": [closed(f"q{i}", score, "i") for i in range(2)]}))
        for name, score in (("x", 0), ("y", 1))
    ]
    assert tables(as_markdown(compare(runs)))[1][2][5:] == [
        *("+100.00", "too few images", "2", "0"),
        *("1.0000", "1.0000", "0.5000", "0.5000"),
        *("", "cannot tell"),
    ]
    (_, row, _) = csv.DictReader(io.StringIO(as_csv(compare(runs))))
    assert (row["low"], row["high"], row["better"]) == ("", "", "2")


def test_open_questions_are_named_by_their_metric(tmp_path: Path) -> None:
    runs = [
        read_run(save(tmp_path / str(recall), {"o": [opened("q1", recall), opened("q2", recall)]}))
        for recall in (0.25, 0.5)
    ]
    overview, detail = tables(as_markdown(compare(runs)))
    assert overview[0][1] == "o, open_recall (n = 2)"
    assert (detail[2][1], detail[2][5], detail[2][11:13]) == ("o, open_recall", "+25.00", ["", ""])


def test_csv_has_the_numbers_in_full(tmp_path: Path) -> None:
    comparison = table(tmp_path, ("dtype",), dtype="bfloat16")
    rows = list(csv.DictReader(io.StringIO(as_csv(comparison))))
    assert len(comparison.lines) == 6
    assert [(row["method"], row["task"], row["score"], row["p"]) for row in rows[6:]] == [
        ("chance: one answer", task, "1.0", "") for task in ("a", "b_x", "both")
    ]
    for row, line in zip(rows[:6], comparison.lines, strict=True):
        assert (row["method"], row["task"], int(row["n"])) == (line.run.label, line.name, line.n)
        assert (float(row["score"]), float(row["seconds_per_question"])) == (line.score, line.seconds)
        assert (row["rule"], row["allowed"], row["shared_work"]) == (RULE, "dtype", "False")
        if line.against is None:
            assert {row[name] for name in ("base", "difference", "low", "high", "better", "p", "mcnemar_p_holm")} == {
                ""
            }
            continue
        assert (row["low"], row["high"], row["equal"], row["family"]) == ("", "", "cannot tell", "3")
        names = ("difference", "p", "p_holm", "mcnemar_p", "mcnemar_p_holm", "better", "worse")
        against = line.against
        expected = (
            against.difference.mean,
            against.difference.p,
            against.holm,
            against.mcnemar_p,
            against.mcnemar_holm,
        )
        assert [float(row[name]) for name in names] == [*expected, against.better, against.worse]
        assert row["base"] == "plain"


def test_latex_has_accuracies_and_differences(tmp_path: Path) -> None:
    comparison = table(tmp_path, ("dtype",), dtype="bfloat16")
    first, second, said = as_latex(comparison).split("\n\n")
    for part in (first, second, said):
        assert part.count("{") == part.count("}")
        assert all(part.count(rule) == 1 for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
        rows = [line for line in part.splitlines() if line.endswith(r"\\")]
        assert {row.count(" & ") for row in rows} == {3 if part is first else 14 if part is second else 12}
    assert r"method & a (n = 4) & b\_x (n = 2) & both, pooled (n = 6) \\" in first
    assert r"vgrefine & 75.0 & 100.0 & 83.3 \\" in first
    assert r"\par Allowed to differ: dtype (plain: float32; vgrefine (4 heads, k=10): bfloat16)" in first
    assert r"\texttt{20260101\_120000\_results.json}" in first
    pooled = next(line for line in second.splitlines() if line.startswith("vgrefine & both, pooled"))
    assert pooled.split(" & ")[2:6] == ["6", "83.33", "0.500", "+50.00"]
    assert pooled.split(" & ")[7:9] == ["3", "0"]
    assert "McNemar p (Holm)" in second
    assert "questions about one image as independent" in second


def test_same_runs_same_text(tmp_path: Path) -> None:
    comparison, again = table(tmp_path), table(tmp_path)
    for write in (as_markdown, as_csv, as_latex):
        assert write(comparison) == write(again)
