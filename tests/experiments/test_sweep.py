"""Sweeps: which settings there are, and that each equals a separate run."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import hosting
import pytest
from commands import FEW, answers, command

from lmms_vg.cli.main import main
from lmms_vg.experiments.sweep import GridAxis, divide, join, parse_grid, plan, require_comparable
from lmms_vg.runs.lmms_eval_output import read_run

COMMON = ["--tasks", "vqa_demo_hard", "--batch_size", "8", "--verbosity", "WARNING"]


@pytest.fixture(scope="module")
def swept(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    done = command(
        folder / "home", "sweep", *COMMON, "--model", "huatuo_vgrefine", "--model_args", "pretrained=demo,mask=post",
        "--grid", "k=5,10", "p=50,100", "--output_path", str(folder / "out"), few=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (folder / "out" / "sweep.md").read_text() in done.stdout
    return folder


def test_equals_separate_runs(swept: Path, few_phantoms: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep is a program; the separate runs are in this process."""
    hosting.light(monkeypatch, tmp_path)
    for label in ("p=100", "plain"):
        method, values = ("plain", "") if label == "plain" else ("vgrefine", ",mask=post,p=100")
        monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / label / "home"))
        model = ["--model", f"huatuo_{method}", "--model_args", f"pretrained=demo{values}"]
        asked = ["run", *COMMON, *model, "--log_samples", "--output_path", str(tmp_path / label / "out")]
        assert hosting.ended(partial(main, asked)) == 0
        alone = answers(tmp_path / label / "out")
        assert alone
        assert answers(swept / "out" / label) == alone
    texts = [
        [line["filtered_resps"] for line in answers(swept / "out" / label)["vqa_demo_hard.jsonl"]]
        for label in ("p=100", "plain")
    ]
    assert texts[0] != texts[1], "or all settings could be one"


def test_settings_that_come_to_the_same_are_run_once(swept: Path) -> None:
    """k = 10 is the demo's default and p = 50 the general one: both equal the setting without either."""
    assert sorted(path.name for path in (swept / "out").iterdir() if path.is_dir()) == ["k=10", "k=5", "p=100", "plain"]
    assert (swept / "out" / "sweep.md").read_text().count("\n| 50 |") == 1


def test_csv_holds_every_setting_with_its_interval(swept: Path) -> None:
    with (swept / "out" / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["axis"], row["value"]) for row in rows] == [
        ("", ""),
        ("k", "5"),
        ("k", "10"),
        ("p", "50"),
        ("p", "100"),
    ]
    plain = [line["acc"]["score"] for line in answers(swept / "out" / "plain")["vqa_demo_hard.jsonl"]]
    for row in rows:
        items = [line["acc"] for line in answers_of(swept, row)]
        correct = [item["score"] for item in items]
        assert float(row["score"]) == pytest.approx(sum(correct) / FEW)
        apart = {item["image"] for item, before in zip(items, plain, strict=True) if item["score"] != before}
        if row["low"]:
            assert float(row["low"]) <= float(row["difference"]) <= float(row["high"])
        elif row["base"]:
            assert len(apart) < 10, "only on few images a difference has no interval"


def answers_of(swept: Path, row: dict[str, str]) -> list[dict]:
    # Files are named by the second, so two quick settings may have files of one name in folders of their own.
    (path,) = (path for path in (swept / "out").rglob(row["run"]) if read_run(path).label == row["method"])
    return answers(path.parent)["vqa_demo_hard.jsonl"]


def test_plan_varies_one_axis_at_a_time_or_all() -> None:
    axes = [GridAxis("k", ["1", "20"]), GridAxis("p", ["30"])]
    assert plan(axes, cross=False) == [("k", "1", {"k": "1"}), ("k", "20", {"k": "20"}), ("p", "30", {"p": "30"})]
    assert plan(axes, cross=True) == [
        ("k, p", "1, 30", {"k": "1", "p": "30"}),
        ("k, p", "20, 30", {"k": "20", "p": "30"}),
    ]


def test_divide_keeps_what_plain_takes_apart() -> None:
    model_args = "pretrained=demo,heads=true,p=60,dtype=float32,heads=1-1+1-0,cfg=true"
    assert [join(part) for part in divide(model_args, "huatuo")] == [
        "pretrained=demo,per_head=true,dtype=float32",
        "p=60,heads=1-1+1-0,cfg=true",
    ]
    with pytest.raises(ValueError, match="'demo' has no '='"):
        divide("demo", "huatuo")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tasks", "vqa_demo", "--limit", "20"], "--limit: .* not compared.*--tasks vqa_demo"),
        (["--tasks", "vqa_demo", "--gen_kwargs=temperature=1"], "--gen_kwargs: "),
        (["--tasks", "vgmed_demo,vgmed"], "--tasks vgmed_demo,vgmed measures where a model looks"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_it_is_run(arguments: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        require_comparable(arguments)


def test_a_measurement_beside_questions_is_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    require_comparable(["--tasks", "vgmed_demo,vqa_demo"])
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    with pytest.raises(ValueError, match="LMMS_VG_PARTIAL_DATA=1"):
        require_comparable(["--tasks", "vqa_demo"])


@pytest.mark.parametrize("part", ["k", "k=", "k=1,1", "q=1", "k=1 k=2"])
def test_grid_that_is_none(part: str) -> None:
    with pytest.raises(ValueError, match="--grid"):
        parse_grid("vgrefine", part.split())


def test_wrong_value_is_refused_before_anything_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*COMMON, "--model", "huatuo_vgrefine", "--model_args", "pretrained=demo", "--grid", "p=50,150"]
    assert main(["sweep", *arguments, "--output_path", str(tmp_path / "out")]) == 2
    assert "p=150: allowed is a percentile from 0 to 100" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
