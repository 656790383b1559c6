"""Plans: what is done, what has to run with which arguments, what has to be calibrated; a dry run changes nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import warm
from saved_run import closed, save, tables

from lmms_vg.cli.main import main
from lmms_vg.reproduce.cost import Constants, spoken
from lmms_vg.reproduce.plan import Plan, calibration, make
from lmms_vg.reproduce.plan_report import announce

STANDARD, HARD = "vqa_demo_standard", "vqa_demo_hard"
LINES = {task: [closed(f"{task}{i}", i % 2, f"x{i}") for i in range(6)] for task in (STANDARD, HARD)}


def demo(out: Path, name: str = "table1") -> Plan:
    return make(name, "demo", "demo", "", out)


def row(out: Path, folder: str = "huatuogpt-v-7b", tasks: tuple[str, ...] = (STANDARD, HARD), **given: object) -> Path:
    """A row's folder as a run of the plain demo model leaves it."""
    config = {"model": "huatuo_plain", "model_args": "pretrained=demo"} | given
    return save(out / folder, {task: LINES[task] for task in tasks}, **config)  # type: ignore[arg-type]


def test_rows_as_lmms_eval_takes_them(tmp_path: Path) -> None:
    plain, refined = make("table1", None, None, "dtype=bfloat16", tmp_path).asks
    hub = "pretrained=FreedomIntelligence/HuatuoGPT-Vision-7B-hf"
    assert (plain.model, plain.model_args) == ("huatuo_plain", f"{hub},dtype=bfloat16")
    assert (refined.model, refined.model_args) == (
        "huatuo_vgrefine",
        f"{hub},dtype=bfloat16,k=20,p=50,layers=16",
    )
    assert [ask.folder for ask in (plain, refined)] == [tmp_path / "huatuogpt-v-7b", tmp_path / "vgrefine-ours"]


def test_the_demo_model_takes_every_method_without_the_papers_hyper_parameters(tmp_path: Path) -> None:
    plan = demo(tmp_path, "tableG5")
    assert [(ask.model, ask.model_args, ask.heads) for ask in plan.asks] == [
        ("huatuo_plain", "pretrained=demo", None),
        ("huatuo_vgrefine", "pretrained=demo", None),
    ]
    assert set(plan.tasks) == {STANDARD, HARD, "vqa_demo_open"}
    assert demo(tmp_path, "fig3").asks[2].model == "llava_plain"
    assert demo(tmp_path, "fig3").tasks == ["vgmed_demo"]


def test_the_default_folder_is_the_targets() -> None:
    assert make("fig3", None, None, "", None).out == Path("reproduce/fig3")


# --- what is done -------------------------------------------------------------------------------------------------------


def test_a_finished_row_is_done(tmp_path: Path) -> None:
    path = row(tmp_path)
    plain, refined = demo(tmp_path).asks
    assert plain.run is not None
    assert plain.run.path == path
    assert plain.missing == []
    assert (refined.run, refined.missing) == (None, [STANDARD, HARD])


def test_a_row_that_lacks_a_task_has_that_task_to_run(tmp_path: Path) -> None:
    row(tmp_path, tasks=(HARD,))
    plain = demo(tmp_path).asks[0]
    assert plain.run is not None
    assert plain.missing == [STANDARD]
    assert f"to run: {STANDARD}" in announce(demo(tmp_path))


@pytest.mark.parametrize(
    "given",
    [
        {"limit": 6},
        {"model": "huatuo_vgrefine"},
        {"model_args": "pretrained=demo,dtype=bfloat16"},
        {"model_args": "pretrained=FreedomIntelligence/HuatuoGPT-Vision-7B-hf"},
    ],
)
def test_a_trial_or_a_run_of_something_else_is_not_the_row(tmp_path: Path, given: dict[str, object]) -> None:
    row(tmp_path, **given)
    assert (demo(tmp_path).asks[0].run, demo(tmp_path).asks[0].missing) == (None, [STANDARD, HARD])


def test_a_run_that_cannot_be_read_is_not_there(tmp_path: Path) -> None:
    row(tmp_path).write_text("{")
    assert demo(tmp_path).asks[0].run is None


# --- heads --------------------------------------------------------------------------------------------------------------


def test_heads_that_are_not_published_are_calibrated_first_and_found_then(tmp_path: Path) -> None:
    plain, refined = make("tableG5", None, None, "device_map=auto", tmp_path).asks
    heads = tmp_path / "heads_HuatuoGPT-Vision-34B-hf.json"
    assert (plain.heads, refined.heads) == (None, heads)
    assert calibration(refined) == (
        "lmms-vg heads calibrate --model huatuo --model_args "
        f"pretrained=FreedomIntelligence/HuatuoGPT-Vision-34B-hf,device_map=auto --data coco -o {heads}"
    )
    shown = announce(make("tableG5", None, None, "device_map=auto", tmp_path))
    assert calibration(refined) in shown
    assert "to run, after step 0" in shown
    heads.write_text("{}")
    again = make("tableG5", None, None, "device_map=auto", tmp_path).asks[1]
    assert again.heads is None
    assert again.model_args.endswith(f"layers=34+35+36,heads={heads}")
    assert "calibrate" not in announce(make("tableG5", None, None, "", tmp_path))


def test_a_row_is_run_again_when_its_heads_are_newer(tmp_path: Path) -> None:
    heads = tmp_path / "heads_HuatuoGPT-Vision-34B-hf.json"
    heads.write_text("{}")
    ask = make("tableG5", None, "demo", "", tmp_path).asks[1]
    path = save(ask.folder, LINES, model=ask.model, model_args=ask.model_args)
    for older, there in ((heads, True), (path, False)):
        os.utime(older, (1, 1))
        os.utime(path if older is heads else heads, (2, 2))
        assert (make("tableG5", None, "demo", "", tmp_path).asks[1].run is not None) is there


# --- what is printed ----------------------------------------------------------------------------------------------------


def test_the_plan_names_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """VQA-RAD's questions are here, its images are not, and nothing else is."""
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path))
    (tmp_path / "vqa_rad").mkdir()
    (tmp_path / "vqa_rad" / "VQA_RAD Dataset Public.json").write_text("[]")
    shown = announce(make("table1", None, None, "", tmp_path / "out"))
    assert "| vqa_rad_closed | VQA-RAD | 1,297 | 300 |" in shown
    assert "| pmc_vqa | PMC-VQA | 2,000 | at most 2,000 |" in shown
    assert "HuatuoGPT-Vision-7B-hf: about 16 GB (2 bytes x 7.9 billion parameters), MISSING" in shown
    assert "VQA_RAD Dataset Public.json: 2 B here" in shown
    assert "images.zip: MISSING, about 18.9 GB" in shown
    assert "omnimedvqa" not in shown
    assert "vqa_rad_open" not in shown, "another task of a data set that is asked"
    assert "NOTHING IS REPRODUCED" not in shown
    images = {"vqa_rad_closed": (1297, 300), "slake_closed": (2781, 641), "pathvqa_closed": (3362, 839)}
    asked = [*images.values(), (2000, 2000)]
    constants = Constants.modelled(7.9)
    expected = [spoken(sum(constants.seconds(method, *one) for one in asked)) for method in ("plain", "vgrefine")]
    assert f"| HuatuoGPT-V-7B | one pass | 576 | {expected[0]} |" in shown
    assert f"seven questions per image (docs/speed.md) | 576 | {expected[1]} |" in shown


def test_mmmu_and_bertscore_have_their_remarks(tmp_path: Path) -> None:
    assert "30 questions per subject" in announce(make("table2", None, None, "", tmp_path))
    assert "emilyalsentzer/Bio_ClinicalBERT: for BERTScore, about 0.4 GB" in announce(
        make("tableE3", None, None, "", tmp_path)
    )
    assert "BERT" not in announce(make("table1", None, None, "", tmp_path))


def test_what_is_done_costs_nothing(tmp_path: Path) -> None:
    """Half of the tasks of one row."""
    pretrained = "pretrained=FreedomIntelligence/HuatuoGPT-Vision-7B-hf"
    row(tmp_path, tasks=(STANDARD,), model_args=pretrained)
    shown = announce(make("table1", None, "demo", "", tmp_path))
    assert f"| HuatuoGPT-V-7B | one pass | 576 | {spoken(Constants.modelled(7.9).seconds('plain', 300, 75))} |" in shown
    row(tmp_path, model_args=pretrained, stamp="20270101_120000")
    assert "| HuatuoGPT-V-7B | one pass | 576 | done |" in announce(make("table1", None, "demo", "", tmp_path))


@pytest.mark.parametrize(("model", "data"), [("demo", None), (None, "demo"), ("demo", "demo")])
def test_a_demo_says_loudly_that_nothing_is_reproduced(tmp_path: Path, model: str | None, data: str | None) -> None:
    shown = announce(make("fig3", model, data, "", tmp_path))
    assert "**NOTHING IS REPRODUCED HERE.**" in shown
    assert ("--model demo:" in shown, "--data demo:" in shown) == (model == "demo", data == "demo")
    assert ("the same phantoms, so the gap is 0" in shown) is (data == "demo")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tabelF4"], "argument TARGET: 'tabelF4': did you mean tableF4? allowed is table1"),
        (["table1", "--data", "coco"], "argument --data: 'coco': allowed is demo"),
    ],
)
def test_other_targets_and_data_are_refused_with_what_is_allowed(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["reproduce", *arguments])
    shown = capsys.readouterr().err
    assert ended.value.code == 2
    assert message in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tasks", "slake"], "--tasks: the target sets tasks and folders"),
        (["--output_path=x"], "--output_path=x: the target sets"),
        (
            ["--model_args", "pretrained=demo"],
            "--model_args pretrained=demo: every row sets",
        ),
        (["--model_args", "k=10"], "every row sets its own hyper-parameters"),
        (["--model_args", "demo"], "'demo' has no '='"),
        (["--model", "huatou"], "--model huatou: did you mean huatuo? allowed is demo, huatuo"),
    ],
)
def test_what_a_target_settles_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", "table1", "--dry-run", *arguments]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.out == ""


@pytest.mark.e2e
def test_a_dry_run_runs_nothing_reads_no_weights_and_writes_nothing(tmp_path: Path) -> None:
    """In a separate process: the module that builds models is not even imported, and no tensor is opened."""
    code = (
        "import sys, safetensors; safetensors.safe_open = None; from lmms_vg.cli.main import main; "
        "status = main(sys.argv[1:]); heavy = {'lmms_eval.__main__', 'lmms_vg.inference.build', "
        "'lmms_vg.experiments.lmms_eval_process'}; print(sorted(heavy & set(sys.modules))); "
        "sys.exit(status)"
    )
    for target in ("tableG5", "fig3"):
        command = [warm.programs() / "python", "-c", code, "reproduce", target, "--dry-run", "-o", "out"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "## Plan" in done.stdout
        assert done.stdout.splitlines()[-1] == "[]"
        assert not (tmp_path / "out").exists()


def plan_rows(name: str, model: str | None, out: Path) -> dict[str, str]:
    """Row -> its hyper-parameters as the plan shows them."""
    grid = tables(announce(make(name, model, None, "", out)))[0]
    place = grid[0].index("hyper-parameters")
    return {row[0]: row[place] for row in grid[1:]}


def test_the_plan_states_every_hyper_parameter(tmp_path: Path) -> None:
    assert plan_rows("tableF4", None, tmp_path) == {
        "HuatuoGPT-V-7B (Baseline)": "none",
        "PAI": "alpha=0.5, start=2, end=28, cfg=false, gamma=1.1, faithful=false",
        "PAI, as its README runs it": "alpha=0.2, start=2, end=28, cfg=true, gamma=1.1, faithful=true",
        "AdaptVis": "w1=0.5, w2=1.2, threshold=0.3",
        "ViCrop": "layer=12, map=rel, high_res=true",
        "VGRefine (Ours)": "20 heads, layers=16, k=20, p=50, mask=pre",
    }
    assert plan_rows("tableF4", "demo", tmp_path)["PAI, as its README runs it"].startswith("alpha=0.2, start=2, end=6")
    heads = tmp_path / "heads_HuatuoGPT-Vision-34B-hf.json"
    assert plan_rows("tableG5", None, tmp_path)["VGRefine-34B (Ours)"] == f"k=20, p=50, layers=34+35+36, heads={heads}"
    assert "prints no hyper-parameters of PAI, AdaptVis and ViCrop" in announce(
        make("tableF4", None, None, "", tmp_path)
    )
