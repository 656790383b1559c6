"""Several methods in one process: each has the results of a separate run."""

from __future__ import annotations

import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import hosting
import pytest
from commands import answers, command

from lmms_vg.cli.main import main
from lmms_vg.cli.run import run as run_command
from lmms_vg.experiments import joint_run
from lmms_vg.experiments.lmms_eval_process import INCOMPLETE
from lmms_vg.experiments.method_settings import Setting, settings_of
from lmms_vg.experiments.sweep import divide
from lmms_vg.host.stopping import Stopped
from lmms_vg.journal import read_records

COMMON = ["--tasks", "vgmed_demo,vqa_demo_hard", "--limit", "12", "--batch_size", "4", "--verbosity", "INFO"]


def records(home: Path, model: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Every record of a model's journal, without times."""
    paths = home.glob(f"journal/{model}-*/rank0.jsonl")
    return {(record.task, record.uid): record.model_dump() | {"seconds": 0} for record in read_records(paths)}


#: The method's own hyper-parameters, of the joint run and of a run of its own.
HYPER_PARAMETERS = {"plain": "", "vgrefine": "k=5", "pai": "alpha=0.3"}


class JointAndSingleRuns(NamedTuple):
    """Folders and exit statuses by method, or by "joint"; and the process of the joint run."""

    folders: dict[str, Path]
    statuses: dict[str, int]
    joint: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def runs(programs: None, tmp_path_factory: pytest.TempPathFactory) -> JointAndSingleRuns:
    """A joint run and the runs of its methods alone, each with a separate home.

    The joint run is a program. The single runs are in this process, from the last method to the first: what one method might
    leave to the next would come to others than in the joint run.
    """
    folders = {name: tmp_path_factory.mktemp(name) for name in ("joint", *HYPER_PARAMETERS)}
    given = ",".join(f"{method}.{values}" for method, values in HYPER_PARAMETERS.items() if values)
    joint = ["--methods", ",".join(HYPER_PARAMETERS), "--model", "huatuo", "--model_args", f"pretrained=demo,{given}"]
    statuses = {}
    with ThreadPoolExecutor(1) as pool, pytest.MonkeyPatch.context() as patch:
        place = folders["joint"]
        together = pool.submit(command, place / "home", "run", *COMMON, *joint, "--output_path", str(place / "out"))
        for method, values in reversed(HYPER_PARAMETERS.items()):
            place = folders[method]
            hosting.light(patch, place)
            patch.setenv("LMMS_VG_HOME", str(place / "home"))
            model = ["--model", f"huatuo_{method}", "--model_args", f"pretrained=demo,{values}".strip(",")]
            asked = ["run", *COMMON, *model, "--log_samples", "--output_path", str(place / "out")]
            statuses[method] = hosting.ended(partial(main, asked))
        process = together.result()
    return JointAndSingleRuns(folders, statuses | {"joint": process.returncode}, process)


def test_all_runs_succeed(runs: JointAndSingleRuns) -> None:
    assert runs.statuses == dict.fromkeys(("joint", *HYPER_PARAMETERS), 0)
    assert "lmms-vg compare" in runs.joint.stdout.splitlines()[-1]


def test_weights_are_loaded_and_questions_asked_once(runs: JointAndSingleRuns) -> None:
    joint = runs.joint
    assert (joint.stdout + joint.stderr).count("load check: our logits differ") == 1  # one per load of the weights
    summaries = re.findall(
        r"(\d+) asked, (\d+) from journal, (\d+) answered now, 0 failed", joint.stdout + joint.stderr
    )
    assert summaries == [("24", "0", "24"), ("24", "24", "0"), ("24", "24", "0")]


@pytest.mark.parametrize("method", ["plain", "vgrefine", "pai"])
def test_a_joint_run_equals_a_run_of_its_own(runs: JointAndSingleRuns, method: str) -> None:
    """Saved samples and journalled records, with alignment values, are equal to the last digit."""
    joint, alone = answers(runs.folders["joint"] / "out" / method), answers(runs.folders[method] / "out")
    assert joint.keys() == alone.keys() == {"vgmed_demo.jsonl", "vqa_demo_hard.jsonl"}
    assert joint == alone
    first, second = (records(runs.folders[name] / "home", f"huatuo_{method}") for name in ("joint", method))
    assert len(first) == 24
    assert first == second


def test_methods_differ(runs: JointAndSingleRuns) -> None:
    """Otherwise the test above could pass because all methods do the same."""
    plain, refined, pai = (
        records(runs.folders["joint"] / "home", f"huatuo_{name}") for name in ("plain", "vgrefine", "pai")
    )
    assert all(refined[key]["alignment"] != plain[key]["alignment"] for key in plain if key[0] == "vgmed_demo")
    assert all(pai[key]["alignment"] != plain[key]["alignment"] for key in plain if key[0] == "vgmed_demo")


def test_wrong_argument_of_one_method_is_refused_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*COMMON, "--methods", "plain,vgrefine", "--model", "huatuo", "--output_path", str(tmp_path / "out")]
    assert main(["run", *arguments, "--model_args", "pretrained=demo,vgrefine.k=99"]) == 2
    assert "vgrefine: k=99: allowed is an integer from 1 to 10" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_settings_of_divides_the_arguments() -> None:
    settings, common = settings_of(
        "huatuo",
        ["plain", "pai", "vgrefine"],
        "pretrained=demo,pai.alpha=.3,heads=true,vgrefine.layers=3+4,dtype=float32,pai.cfg=true",
    )
    assert common == "pretrained=demo,per_head=true,dtype=float32"
    assert settings == [
        Setting("plain", "plain"),
        Setting("pai", "pai", "alpha=.3,cfg=true"),
        Setting("vgrefine", "vgrefine", "layers=3+4"),
    ]


@pytest.mark.parametrize(
    ("methods", "model_args", "message"),
    [
        (["plain", "vgrefin"], "", r"--methods 'vgrefin': did you mean vgrefine\? allowed is "),
        (["plain", "plain"], "", "each at most once.*lmms-vg sweep"),
        (["plain", "vgrefine"], "k=5", "'k=5': .* here vgrefine.k"),
        (["plain", "vgrefine"], "pai.alpha=1", r"'pai.alpha=1': not known to plain, vgrefine"),
        (["plain", "vgrefine"], "vgrefine.kk=1", r"did you mean k\? vgrefine has heads, layers, k, p, mask"),
        (["plain", "vgrefine"], "vgrefine.dtype=float32", r"'vgrefine.dtype=float32': .*vgrefine has heads"),
        (["plain", "vgrefine"], "plain.k=1", "plain has no hyper-parameters"),
    ],
)
def test_wrong_arguments(methods: list[str], model_args: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings_of("huatuo", methods, model_args)


def test_a_familys_own_settings_are_common_to_all_methods() -> None:
    settings, common = settings_of("qwen_vl", ["plain", "vgrefine"], "max_pixels=50176,vgrefine.k=5")
    assert common == "max_pixels=50176"
    assert [setting.hyper_parameters for setting in settings] == ["", "k=5"]
    with pytest.raises(ValueError, match=r"'max_pixels=50176': not known to plain; arguments of all are pretrained"):
        settings_of("huatuo", ["plain"], "max_pixels=50176")
    assert divide("max_pixels=50176,k=5", "qwen_vl") == ({"max_pixels": "50176"}, {"k": "5"})


# --- what happens when one of them fails --------------------------------------------------------------------------------


@pytest.fixture
def hosted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replaces lmms-eval: maps a model to the outcome of its run, and lists which models ran."""
    plays: dict[str, Any] = {"ran": []}

    def run(arguments: list[str]) -> int:
        model = arguments[arguments.index("--model") + 1]
        plays["ran"].append(model)
        outcome = plays.get(model, 0)
        if isinstance(outcome, SystemExit):
            raise outcome
        return outcome

    monkeypatch.setattr(joint_run, "run", run)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    return plays


def together(tmp_path: Path, *methods: str) -> dict[str, int]:
    return joint_run.run_together(
        "huatuo", [Setting(name, name) for name in methods], "pretrained=demo", ["--tasks", "t"], tmp_path
    )


def test_a_failure_of_one_method_does_not_stop_the_others(hosted: dict[str, Any], tmp_path: Path) -> None:
    hosted["huatuo_oracle_mask"] = SystemExit("oracle_mask needs annotated boxes")
    assert together(tmp_path, "plain", "oracle_mask", "vgrefine") == {"plain": 0, "oracle_mask": 1, "vgrefine": 0}


@pytest.mark.parametrize(
    ("outcomes", "status"), [((0, 0), 0), ((0, INCOMPLETE), INCOMPLETE), ((INCOMPLETE, 1), 1), ((INCOMPLETE,) * 2, 3)]
)
def test_the_status_says_whether_results_were_saved(
    hosted: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    outcomes: tuple[int, int],
    status: int,
) -> None:
    hosted |= dict(zip(("huatuo_plain", "huatuo_pai"), outcomes, strict=True))
    arguments = ["--methods", "plain,pai", "--model", "huatuo", "--model_args", "pretrained=demo"]
    assert run_command([*arguments, "--tasks", "vqa_demo", "--output_path", str(tmp_path)]) == status
    shown = capsys.readouterr()
    assert (str(tmp_path / "pai") in shown.err) == (outcomes[1] == INCOMPLETE)
    assert shown.out == "", "there is nothing to sum up, as nothing was saved"


def test_with_several_ranks_the_run_ends_at_a_failure(
    hosted: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scoring fails on the first rank only: if it continued, the others would wait for ever."""
    hosted["huatuo_oracle_mask"] = SystemExit("none of the questions got a value")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit, match="oracle_mask failed; run the same command again"):
        together(tmp_path, "plain", "oracle_mask", "vgrefine")
    assert hosted["ran"] == ["huatuo_plain", "huatuo_oracle_mask"]


@pytest.mark.parametrize("outcome", [1, SystemExit("no such data")])
def test_what_is_no_matter_of_the_method_is_said_once_or_twice_and_not_for_all(
    hosted: dict[str, Any], tmp_path: Path, outcome: Any
) -> None:
    hosted |= dict.fromkeys(["huatuo_plain", "huatuo_pai", "huatuo_vgrefine", "huatuo_vcd"], outcome)
    together(tmp_path, "plain", "pai", "vgrefine", "vcd")
    assert len(hosted["ran"]) <= 2


def test_a_signal_ends_all_methods(hosted: dict[str, Any], tmp_path: Path) -> None:
    """Otherwise the second method would run while the scheduler waits for the end."""
    hosted["huatuo_plain"] = Stopped(signal.SIGTERM)
    with pytest.raises(Stopped):
        together(tmp_path, "plain", "pai")
    assert hosted["ran"] == ["huatuo_plain"]


def test_listing_tasks_is_no_failure(hosted: dict[str, Any], tmp_path: Path) -> None:
    hosted["huatuo_plain"] = SystemExit(0)
    with pytest.raises(SystemExit) as ended:
        together(tmp_path, "plain", "pai")
    assert ended.value.code == 0
