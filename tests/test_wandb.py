"""Weights & Biases by lmms-eval's own flags: all our numbers arrive, and nothing of ours is lost on the way.

An offline run is a file of protocol buffers, read here by wandb's own reader of it.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from commands import FEW, program

from lmms_vg.runs.lmms_eval_output import read_run

TASKS = ("vqa_demo_standard", "vqa_demo_hard", "vqa_demo_open", "vgmed_demo")


@pytest.fixture(scope="module")
def reader(programs: None) -> tuple[Any, Any]:
    """The modules of wandb that read its offline runs; every worker would wait for their import if it stood above."""
    pb2 = pytest.importorskip("wandb.proto.wandb_internal_pb2", reason="wandb is not installed")
    return pb2, pytest.importorskip("wandb.sdk.internal.datastore", reason="this wandb does not read offline runs")


@pytest.fixture(scope="module")
def finished(programs: None, reader: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`out` and `wandb` of a run with everything that can be logged."""
    folder = tmp_path_factory.mktemp("wandb")
    command = [*program(few=True), "run", "--model", "huatuo_plain", "--model_args", "pretrained=demo"]
    command += ["--tasks", "vqa_demo,vqa_demo_open,vgmed_demo", "--batch_size", "8"]
    command += ["--output_path", "out", "--log_samples"]
    command += ["--wandb_args", f"project=x,mode=offline,dir={folder}", "--wandb_log_samples"]
    outer = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LMMS_VG_PARTIAL_DATA")
    environment = {
        name: value for name, value in os.environ.items() if name not in outer and not name.startswith("WANDB_")
    }
    environment |= {"LMMS_VG_HOME": str(folder / "home"), "LMMS_EVAL_DATASETS_CACHE": str(folder / "datasets")}
    environment |= {f"WANDB_{name}_DIR": str(folder / "wandb_own") for name in ("CACHE", "CONFIG", "DATA", "ARTIFACT")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def results(finished: Path) -> dict[str, Any]:
    """What lmms-eval wrote to its own results file."""
    (path,) = (finished / "out").rglob("*_results.json")
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def records(finished: Path, reader: tuple[Any, Any]) -> list[Any]:
    """Of the offline run."""
    (path,) = (finished / "wandb").glob("offline-run-*/run-*.wandb")
    wandb_pb2, datastore = reader
    store, found = datastore.DataStore(), []
    store.open_for_scan(str(path))
    while (data := store.scan_data()) is not None:
        found.append(wandb_pb2.Record.FromString(bytes(data)))
    return found


def logged(records: list[Any]) -> dict[str, Any]:
    """Name -> value of all that is in the run's history or summary; of tables the names of their fields."""
    found = {}
    for record in records:
        for item in (*record.history.item, *record.summary.update):
            found["/".join(item.nested_key) or item.key] = json.loads(item.value_json)
    return found


def test_every_value_is_in_the_run(results: dict[str, Any], records: list[Any]) -> None:
    found = logged(records)
    wanted = {
        f"{task}/{name.removesuffix(',none')}": value
        for task, row in results["results"].items()
        for name, value in row.items()
    }
    assert {name: found[name] for name in wanted} == wanted
    assert {f"{task}/n" for task in TASKS} <= wanted.keys()
    assert len(found["vqa_demo_hard/ci95"]) == 2
    assert isinstance(found["vgmed_demo/best_layer"], int)
    assert found["vqa_demo/acc"] == results["groups"]["vqa_demo"]["acc,none"]


@pytest.mark.parametrize(("kind", "key"), [("eval_results", "results"), ("group_eval_results", "groups")])
def test_the_tables_are_in_the_run(finished: Path, results: dict[str, Any], kind: str, key: str) -> None:
    (path,) = (finished / "wandb").rglob(f"{kind}_*.table.json")
    table = json.loads(path.read_text(encoding="utf-8"))
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    groups = results["groups"] if key == "results" else {}
    wanted = {
        (name, metric.removesuffix(",none")): str(value)
        for name, row in results[key].items()
        for metric, value in row.items()
        if name not in groups and "_stderr" not in metric and metric != "alias"
    }
    found = {(row["Tasks" if key == "results" else "Groups"], row["Metric"]): row["Value"] for row in rows}
    assert {place: found[place] for place in wanted} == wanted
    assert len(wanted) > 20 or key == "groups"


def test_the_results_file_is_in_the_run(records: list[Any]) -> None:
    """By its name: an offline run only refers to it."""
    (artifact,) = [record.artifact for record in records if record.artifact.type == "eval_results"]
    assert artifact.name == "results"
    assert [file.path for file in artifact.manifest.contents] == ["results.json"]


def test_nothing_of_our_results_is_lost(finished: Path) -> None:
    run = read_run(finished / "out")
    assert {name: len(task.scores) for name, task in run.tasks.items()} == dict.fromkeys(TASKS[:3], FEW)
    assert run.measured == ["vgmed_demo"]
    assert run.provenance is not None


def test_single_questions_are_not(records: list[Any]) -> None:
    """lmms-eval 0.7.3 takes `arguments` out of the samples for its own files before W&B is given them, says so in its log, and
    goes on. Where this fails, a newer one does not: docs/leaderboard.md says that --wandb_log_samples logs nothing.
    """
    assert {record.artifact.name for record in records if record.artifact.type == "samples_by_task"} == set()
