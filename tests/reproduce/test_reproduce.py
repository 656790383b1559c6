"""`lmms-vg reproduce`: the whole path with demo model and data, missing parts, failures, and the files written."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import raw
from commands import FEW, command
from kept_pictures import without_pdf
from PIL import Image
from saved_run import IDENTITY, closed, opened, save, tables

from lmms_vg.cli.main import main
from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.paper.published import table
from lmms_vg.reproduce import reproduce as running
from lmms_vg.tasks.registry import TASKS

DEMO = ["--model", "demo", "--data", "demo"]
F4 = ["HuatuoGPT-V-7B (Baseline)", "PAI", "PAI, as its README runs it", "AdaptVis", "ViCrop", "VGRefine (Ours)"]


@pytest.fixture(scope="module")
def table_f4(programs: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder and output of six rows on two tasks."""
    folder = tmp_path_factory.mktemp("f4")
    more = ["--batch_size", "8", "--verbosity", "INFO", "-o", str(folder / "out")]
    done = command(folder / "home", "reproduce", "tableF4", *DEMO, *more, few=True)
    assert done.returncode == 0, done.stderr
    later = f"{2 * FEW} asked, {2 * FEW} from journal, 0 answered now"
    assert (done.stdout + done.stderr).count(later) == 5, "asked together"
    return folder, done.stdout


def cells(folder: Path) -> list[dict[str, str]]:
    with (folder / "out" / "tableF4.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_row_and_column_is_printed_beside_the_papers(table_f4: tuple[Path, str]) -> None:
    folder, shown = table_f4
    assert shown.count("**NOTHING IS REPRODUCED HERE.**") == 2, "above the plan and above the results"
    claim, results = [one for one in tables(shown) if one[0][2:3] == ["paper"]]
    columns = ["VQA-RAD", "SLAKE", "PathVQA", "PMC-VQA", "Avg."]
    assert [line[:2] for line in claim[1:]] == [[row, column] for row in F4[1:] for column in columns], "first of all"
    paper = table("F.4")
    differences = [paper.cell(F4[-1], column) - paper.cell(F4[0], column) for column in columns]  # type: ignore[operator]
    assert [line[2] for line in claim if line[0] == F4[-1]] == [f"{difference:+}" for difference in differences]
    rows = [*F4, "chance: one answer"]
    assert [line[:2] for line in results[1:]] == [[row, column] for row in rows for column in columns]
    by_place = {(line[0], line[1]): line[2:] for line in results[1:]}
    assert by_place["PAI", "SLAKE"][0] == "24.48"
    assert by_place["PAI", "SLAKE"][2] == by_place["ViCrop", "Avg."][2] == "inconsistent"
    assert by_place["VGRefine (Ours)", "VQA-RAD"][2].startswith("differs (+")
    written = (folder / "out" / "tableF4.md").read_text(encoding="utf-8")
    assert shown[shown.index("## Results") :].startswith(written[written.index("## Results") :])
    assert "| PAI | `huatuo_pai` | `pretrained=demo` | alpha=0.5, start=2, end=6, cfg=false," in written
    assert "pai alpha=0.2,start=2,end=6,cfg=true,gamma=1.1,faithful=true" in written, "of the run itself"
    assert by_place["PAI, as its README runs it", "SLAKE"][0] == "24.48", "beside the paper's row"
    assert written.count("| done: `") == 6, "the plan as it stands now"
    assert shown.count("| to run |") == 6, "and before"


def test_numbers_are_those_of_the_saved_samples(table_f4: tuple[Path, str]) -> None:
    folder, _ = table_f4
    by_cell = {(line["row"], line["column"]): line for line in cells(folder)}
    (path,) = (folder / "out" / "vicrop").rglob("*_samples_vqa_demo_hard.jsonl")
    items = [json.loads(line)["acc"] for line in path.read_text(encoding="utf-8").splitlines()]
    scores, images = [item["score"] for item in items], [item["image"] for item in items]
    for column in ("SLAKE", "PMC-VQA"):
        line = by_cell["ViCrop", column]
        low, high = cluster_interval(scores, images)
        ours = [float(line[name]) for name in ("ours", "low", "high", "n")]
        assert ours == pytest.approx([100 * sum(scores) / FEW, 100 * low, 100 * high, FEW])
        assert (line["tasks"], line["metric"]) == ("vqa_demo_hard", "acc")
    average = by_cell["ViCrop", "Avg."]
    parts = [float(by_cell["ViCrop", column]["ours"]) for column in ("VQA-RAD", "SLAKE")]
    assert float(average["ours"]) == pytest.approx(sum(parts) / 2)
    assert average["n"] == str(2 * FEW), "a demo task that stands for two columns is pooled once"
    assert len({by_cell[row, "VQA-RAD"]["ours"] for row in F4}) > 1, "methods are those of the rows"


def test_a_second_call_asks_nothing_anew(
    table_f4: tuple[Path, str], own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, first = table_f4
    before = sorted((folder / "out").rglob("*_results.json"))
    assert main(["reproduce", "tableF4", *DEMO, "-o", str(folder / "out")]) == 0
    shown = capsys.readouterr().out
    assert shown.count("| done: `") == 6
    assert not (own_home / "journal").exists(), "no model was asked, not even from a journal"
    assert sorted((folder / "out").rglob("*_results.json")) == before
    assert shown[shown.index("## Results") :] == first[first.index("## Results") :]


# --- with lmms-eval in name only ------------------------------------------------------------------------------------------


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A `run_together` that leaves the files of a run; labels in `fails` fail, `calls` records its arguments."""
    plays: dict[str, Any] = {"calls": [], "fails": [], "lines": {}, "config": {}}

    def run(family: str, settings: Any, common: str, arguments: list[str], out: Path) -> dict[str, int]:
        plays["calls"].append((family, [one.label for one in settings], common, arguments))
        tasks = arguments[arguments.index("--tasks") + 1].split(",")
        for one in settings:
            if one.label not in plays["fails"]:
                lines = {
                    t: plays["lines"].get(t) or [closed(f"{t}{i}", i % 2, f"x{i}") for i in range(4)] for t in tasks
                }
                means = {t: dict.fromkeys(("ar", "kl", "js", "best_layer"), 1) for t in tasks}
                given = {"model": f"{family}_{one.method}", "model_args": one.model_args(common)} | plays["config"]
                save(out / one.label, lines, means=means, run=IDENTITY, **given)
        return {one.label: int(one.label in plays["fails"]) for one in settings}

    monkeypatch.setattr(running, "run_together", run)
    monkeypatch.delenv("RANK", raising=False)
    return plays


def test_only_what_is_missing_is_run(together: dict[str, Any], tmp_path: Path) -> None:
    arguments = ["reproduce", "table1", *DEMO, "-o", str(tmp_path / "out"), "--batch_size", "4"]
    together["fails"] = ["huatuogpt-v-7b"]
    assert main(arguments) == 1
    together["fails"] = []
    assert main(arguments) == 0
    assert main(arguments) == 0
    tasks = ["--tasks", "vqa_demo_standard,vqa_demo_hard", "--batch_size", "4"]
    assert together["calls"] == [
        ("huatuo", ["huatuogpt-v-7b", "vgrefine-ours"], "pretrained=demo", tasks),
        ("huatuo", ["huatuogpt-v-7b"], "pretrained=demo", tasks),
    ]


def test_a_row_that_failed_is_named_and_the_others_stand(
    together: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    together["fails"] = ["vgrefine-ours"]
    assert main(["reproduce", "table1", *DEMO, "-o", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert "not run: VGRefine (Ours) (it failed, see the messages of the run)" in shown.err
    assert "| HuatuoGPT-V-7B | VQA-RAD | 67.4 | 50.00 [" in shown.out
    assert "| VGRefine (Ours) | VQA-RAD | 71.2 | not asked | - |" in shown.out
    assert "- not run: VGRefine (Ours)" in (tmp_path / "table1.md").read_text(encoding="utf-8")


def test_a_checkpoint_that_cannot_be_had_fails_its_rows_only(
    monkeypatch: pytest.MonkeyPatch, together: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = running.run_together

    def gone(family: str, settings: Any, common: str, *rest: Any) -> dict[str, int]:
        if "34B" in common:
            raise ValueError("no such folder, and the hub cannot be reached")
        return run(family, settings, common, *rest)

    monkeypatch.setattr(running, "run_together", gone)
    # The study of the others, which test_the_figure writes.
    monkeypatch.setattr("lmms_vg.study.build.build", lambda runs, out: None)
    together["lines"]["vgmed_demo"] = looks()
    assert main(["reproduce", "fig3", "--data", "demo", "-o", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert "the hub cannot be reached" in shown.err
    assert "not run: HuatuoGPT-V-34B (it failed" in shown.err
    assert [call[2] for call in together["calls"]] == [
        "pretrained=FreedomIntelligence/HuatuoGPT-Vision-7B-hf",
        "pretrained=llava-hf/llava-1.5-7b-hf",
    ]
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        "fig3_huatuogpt-v-7b.png",
        "fig3_llava-v1.5-7b.png",
    ]


def test_uncalibrated_heads_keep_their_row_from_running_and_no_other(
    together: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    together["lines"]["vqa_demo_open"] = [opened(f"q{i}", 0.5) for i in range(4)]
    assert main(["reproduce", "tableG5", "--data", "demo", "-o", str(tmp_path)]) == 1
    assert [call[1] for call in together["calls"]] == [["huatuogpt-v-34b"]]
    assert "VGRefine-34B (Ours) (its heads could not be ranked: " in capsys.readouterr().err


def test_tasks_without_data_are_named_and_the_others_asked(
    together: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    raw.slake(tmp_path / "data")
    arguments = ["reproduce", "table1", "--model", "demo", "-o", str(tmp_path / "out")]
    assert main(arguments) == 1
    assert [call[3] for call in together["calls"]] == [["--tasks", "slake_closed"]]
    shown = capsys.readouterr()
    for task in ("vqa_rad_closed", "pathvqa_closed", "pmc_vqa"):
        assert f"{task} (its data are missing" in shown.err
    assert "lmms-vg data fetch pmc_vqa" in shown.err, "the reader's own message"
    assert "| HuatuoGPT-V-7B | SLAKE | 76.5 | 50.00 [" in shown.out
    assert "| HuatuoGPT-V-7B | Avg. | 65.3 | not asked | inconsistent |" in shown.out
    assert main(arguments) == 1
    assert len(together["calls"]) == 1, "what is missing has no data, so nothing is run"


def test_without_any_data_nothing_is_run(
    together: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "nothing"))
    assert main(["reproduce", "table1", "--model", "demo", "-o", str(tmp_path / "out")]) == 1
    assert together["calls"] == []
    assert "VGRefine (Ours) (there are no data for it)" in capsys.readouterr().err


def test_a_trial_says_so_and_is_no_finished_row(
    together: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    together["config"] = {"limit": 4}
    trial = ["reproduce", "table1", *DEMO, "-o", str(tmp_path), "--limit", "4"]
    assert main(trial) == 0
    assert "VGRefine (Ours) was run with --limit 4" in capsys.readouterr().out
    assert main(trial) == 0
    assert [len(call[1]) for call in together["calls"]] == [2, 2]


def test_other_ranks_write_nothing(
    together: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    assert main(["reproduce", "table1", *DEMO, "-o", str(tmp_path)]) == 0
    assert len(together["calls"]) == 1
    assert capsys.readouterr().out == ""
    assert not list(tmp_path.glob("table1.*"))


def looks() -> list[dict[str, Any]]:
    """Samples of the first questions about phantoms, with three layers."""
    samples = []
    for number, sample in enumerate(TASKS["vgmed_demo"].load()[:12]):
        kl = [1.0 + number % 3, 2.0 + number % 5, 3.0]
        named = {"uid": sample.uid, "image": sample.images[0]}
        one = {
            "ar": {"ar": kl, "kl": kl, **named},
            "kl": {"kl": kl},
            "js": {"js": kl, "kl": kl},
            "best_layer": {"kl": kl},
        }
        samples.append({**one, "answered": 1, "n": {"answered": 1}, "input": sample.question})
    return samples


@pytest.mark.slow
def test_the_figure(
    monkeypatch: pytest.MonkeyPatch, together: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without_pdf(monkeypatch)
    together["lines"]["vgmed_demo"] = looks()
    assert main(["reproduce", "fig3", *DEMO, "-o", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "the same phantoms, so the gap is 0" in shown
    summary, *layers = [one for one in tables(shown) if one[0][0] in ("row", "layer") and "state" not in one[0]]
    assert summary[0][3:] == [
        *("raw (box size not taken out)", "excess", "excess, within box sizes", "excess, one size distribution")
    ]
    assert summary[1] == ["HuatuoGPT-V-7B", "localization", "AR", "not shown: 3 of 3", *["no maps"] * 3]
    assert len(summary) == 1 + 3 * 2 * 3
    assert [len(one) for one in layers] == [1 + 3] * 18
    assert layers[0][1][1:3] == ["2.000", "2.000"]
    assert "no verdict on excess: its journal is not on this machine" in shown
    with (tmp_path / "fig3.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 3 * 2 * 3 * 3
    assert {line["verdict"] for line in lines} == {"not shown"}
    assert {line["images_coco"] for line in lines} == {"3"}
    pictures = sorted(tmp_path.glob("fig3_*.png"))
    assert [path.name for path in pictures] == [
        "fig3_huatuogpt-v-34b.png",
        "fig3_huatuogpt-v-7b.png",
        "fig3_llava-v1.5-7b.png",
    ]
    assert Image.open(pictures[0]).width > 1000
    assert "\n- study/: tables and figures of where these models look" in shown
    assert any((tmp_path / "study").glob("*.html"))


def test_figure_a1_draws_published_cells_beside_ours(
    monkeypatch: pytest.MonkeyPatch, together: dict[str, Any], tmp_path: Path
) -> None:
    without_pdf(monkeypatch)
    assert main(["reproduce", "figA1", *DEMO, "-o", str(tmp_path)]) == 0
    with (tmp_path / "radar.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    own = [row for row in rows if row["kind"] == "own run"]
    assert {(row["row"], row["accuracy"]) for row in own} == {("HuatuoGPT-V-7B", "50.0"), ("VGRefine (Ours)", "50.0")}
    assert len(own) == 2 * 13
    printed = {(row["row"], row["column"]): row["accuracy"] for row in rows if row["kind"] == "published"}
    assert printed["VGRefine (Ours)", "X-Ray"] == str(float(table("3").cell("VGRefine (Ours)", "X-Ray") or 0))
    assert printed["VGRefine (Ours)", "BMS"] == str(float(table("2").cell("VGRefine (Ours)", "BMS") or 0))
    assert {row["column"] for row in rows} == {*table("2").columns[:-1], *table("3").columns[:-1]}, (
        "averages are no spokes"
    )
    assert "radar.png" in (tmp_path / "figA1.md").read_text(encoding="utf-8")
    assert Image.open(tmp_path / "radar.png").width > 1000


def test_table_4_is_compared_cell_by_cell_and_asks_one_setting_once(
    together: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", "table4", *DEMO, "-o", str(tmp_path / "out")]) == 0
    (call,) = together["calls"]
    assert len(call[1]) == 11, "five numbers of heads of the demo model, six further percentiles"
    with (tmp_path / "out" / "table4.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["verdict"] != "chance"]
    assert [(row["row"], row["column"], row["paper"]) for row in rows] == [
        (name, column, str(cell))
        for name, cells_of in table("4").rows.items()
        for column, cell in zip(table("4").columns, cells_of, strict=True)
    ]
    assert {row["ours"] for row in rows} == {"50.0"}
    assert main(["reproduce", "table4", *DEMO, "-o", str(tmp_path / "out")]) == 0
    assert len(together["calls"]) == 1, "all is done"
