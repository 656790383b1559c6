"""`lmms-vg run`: the exit status reports errors that lmms-eval swallows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import hosting
import pytest
import tiny
import yaml
from lmms_eval import utils
from lmms_eval.loggers import EvaluationTracker

from lmms_vg.cli.main import main
from lmms_vg.experiments import joint_run, lmms_eval_process
from lmms_vg.experiments.method_settings import Setting
from lmms_vg.host import failure
from lmms_vg.tasks import documents

DEMO = ("run", "--model", "huatuo_plain", "--model_args", "pretrained=demo")

#: The module of somebody else's task, which opens images.
OTHERS = """
from pathlib import Path
from PIL import Image

def visual(doc):
    return [Image.open(Path(__file__).parent / doc["picture"]).convert("RGB")]
"""


@pytest.fixture(autouse=True)
def nothing_left() -> Any:
    failure.take()
    yield
    assert failure.take() == [], "the command returns its own status"


def others_task(folder: Path, pictures: list[str]) -> str:
    """Write a task that is not ours; return its folder."""
    tiny.picture(0).save(folder / "there.png")
    (folder / "of_others.py").write_text(OTHERS)
    rows = [{"picture": picture, "question": "Is it bright?", "answer": "no"} for picture in pictures]
    (folder / "rows.json").write_text(json.dumps(rows))
    task = {
        "task": "of_others",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(folder / "rows.json")}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{question}}",
        "doc_to_target": "answer",
        "generation_kwargs": {"max_new_tokens": 2, "until": []},
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    }
    text = yaml.safe_dump(task) + "doc_to_visual: !function of_others.visual\n"
    (folder / "of_others.yaml").write_text(text)
    return str(folder)


@pytest.mark.parametrize(("gone", "status"), [(0, 0), (2, 3)])
def test_failures_that_somebody_elses_task_scores_make_a_status(
    gone: int, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hosting.light(monkeypatch, tmp_path)
    (tmp_path / "task").mkdir()
    folder = others_task(tmp_path / "task", ["there.png"] + ["gone.png" if gone else "there.png"] * 2)
    out = ("--output_path", str(tmp_path / "out"), "--log_samples")
    result = hosting.ended(lambda: main([*DEMO, "--tasks", "of_others", "--include_path", folder, *out]))
    assert result == status
    assert ("2 questions of of_others failed" in capsys.readouterr().out) == bool(gone)
    assert len(hosting.samples(tmp_path / "out", "of_others")) == 3, "failures are saved too"


def test_two_runs_within_a_second_have_files_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """lmms-eval names them by the second, and appends to a file of samples that is there."""
    hosting.light(monkeypatch, tmp_path)
    moments = iter(["20260101_000000"] * 4 + ["20260101_000001"])
    monkeypatch.setattr(utils, "get_datetime_str", lambda **_: next(moments))
    arguments = [*DEMO, "--tasks", "vqa_demo_hard", "--limit", "2", "--output_path", str(tmp_path / "out")]
    for _ in range(2):
        assert hosting.ended(lambda: main([*arguments, "--log_samples"])) == 0
    files = sorted(path.name[:15] for path in (tmp_path / "out").rglob("*_samples_*.jsonl"))
    assert files == ["20260101_000000", "20260101_000001"]
    assert [*moments] == []


def test_failures_on_our_own_tasks_are_left_out_and_are_no_failure_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hosting.light(monkeypatch, tmp_path)
    real, first = documents.open_image, iter([True])

    def open_image(uri: str) -> Any:
        if next(first, False):
            raise ValueError("torn")
        return real(uri)

    monkeypatch.setattr(documents, "open_image", open_image)
    assert hosting.ended(lambda: main([*DEMO, "--tasks", "vqa_demo_hard", "--limit", "3"])) == 0
    said = capsys.readouterr()
    assert "vqa_demo_hard: 1 of 3 questions got no value, first demo/hard/200000/0: ValueError: torn" in said.out
    time, pace = r"\d\d:\d\d", r"[\d.]+(question/s|s/question)"
    bar = rf"huatuo_plain: 100%.* 3/3 \[{time}<{time}, +{pace}, failed=1\]"
    assert re.search(bar, said.err), "pace, time left and failures in one bar"


def test_results_and_log_say_where_the_time_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every stage that the process went through, scoring included, and its peak memory."""
    hosting.light(monkeypatch, tmp_path)
    named = ["load", "images", "prefix", "capture", "knockout", "decode", "other", "score"]
    out = ("--model", "huatuo_vgrefine", "--output_path", str(tmp_path / "out"), "--limit", "3")
    assert hosting.ended(lambda: main([*DEMO, "--tasks", "vqa_demo_hard", *out])) == 0
    first, *rest = hosting.samples(tmp_path / "out", "vqa_demo_hard")
    spent = first["n"]["spent"]
    assert list(spent["seconds"]) == named
    assert spent["seconds"]["score"] > 0
    assert spent["device"] in ("process", "cuda")
    assert spent["peak_bytes"] > 0
    assert not any("spent" in line["n"] for line in rest)
    *_, table = capsys.readouterr().out.split("time by stage; peak memory of the process ")
    assert [line.split()[0] for line in table.splitlines()[1 : len(named) + 1]] == named


# --- results that were not saved -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", ["/dev/full/out", "/dev/null"])
def test_what_cannot_be_a_folder_is_said_before_anything_is_asked(
    out: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lmms_eval_process.host, "cli_evaluate_single", lambda *_: pytest.fail("asked"))
    assert hosting.ended(lambda: main([*DEMO, "--tasks", "vqa_demo_hard", "--output_path", out])) == 2
    assert capsys.readouterr().err.startswith(f"lmms-vg: --output_path {out}: ")


def test_results_that_lmms_eval_could_not_write_make_a_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """lmms-eval only logs that, and exits with 0."""
    hosting.light(monkeypatch, tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "demo").touch()  # where the folder of the model should be
    out = ("--output_path", str(tmp_path / "out"), "--log_samples")
    assert (
        hosting.ended(lambda: main([*DEMO, "--tasks", "vqa_demo_hard", "--limit", "2", *out]))
        == lmms_eval_process.INCOMPLETE
    )
    output = capsys.readouterr().out
    assert f"results were not saved in {tmp_path / 'out'} (" in output
    assert "|vqa_demo_hard|" in output, "the table is printed"


def written(out: Path) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Save samples with lmms-eval's own code; return the results and samples that it was given."""
    tracker = EvaluationTracker(output_path=str(out))
    tracker.general_config_tracker.model_name_sanitized = "m"
    sample = {
        "arguments": ["?"],
        "resps": [["no"]],
        "filtered_resps": ["no"],
        "target": "no",
        "doc": {},
        "doc_hash": "h",
    }
    samples = {"t": [dict(sample) for _ in range(3)]}
    results: dict[str, Any] = {"results": {"t": {"acc,none": 1.0}}, "date": "20260101_00:00:00"}
    tracker.save_results_aggregated(results=results, samples=samples, datetime_str=results["date"])
    tracker.save_results_samples(task_name="t", samples=samples["t"])
    return results, samples


def test_whole_files_are_saved(tmp_path: Path) -> None:
    assert lmms_eval_process.unsaved(tmp_path, *written(tmp_path)) == ""


@pytest.mark.parametrize("name", ["20260101_00-00-00_results.json", "20260101_00-00-00_samples_t.jsonl"])
@pytest.mark.parametrize("share", [None, 0.0, 0.5, 0.99])
def test_missing_empty_and_half_files_are_not_saved(name: str, share: float | None, tmp_path: Path) -> None:
    results, samples = written(tmp_path)
    path = tmp_path / "m" / name
    if share is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert lmms_eval_process.unsaved(tmp_path, results, samples).startswith(str(path))


def test_a_run_that_lacks_something_does_not_stop_the_other_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models: list[str] = []

    def run(arguments: list[str]) -> int:
        models.append(arguments[arguments.index("--model") + 1])
        return lmms_eval_process.INCOMPLETE

    monkeypatch.setattr(joint_run, "run", run)
    settings = [Setting(name, name) for name in ("plain", "pai", "vgrefine", "vcd")]
    status = joint_run.run_together("huatuo", settings, "pretrained=demo", ["--tasks", "t"], tmp_path)
    assert len(models) == 4
    assert set(status.values()) == {lmms_eval_process.INCOMPLETE}


def test_a_folder_of_a_tasks_name_is_no_folder_of_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """lmms-eval takes `--tasks vqa_demo_hard` for the folder, finds no task in it, and runs nothing."""
    hosting.light(monkeypatch, tmp_path)
    (tmp_path / "here" / "vqa_demo_hard").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    out = ("--output_path", str(tmp_path / "out"), "--limit", "3")
    assert hosting.ended(lambda: main([*DEMO, "--tasks", "vqa_demo_hard", *out])) == 0, capsys.readouterr()
    assert len(hosting.samples(tmp_path / "out", "vqa_demo_hard")) == 3
    (tmp_path / "here" / "vqa_demo_hard" / "other.yaml").touch()
    assert lmms_eval_process._as_names("vqa_demo_hard") == "vqa_demo_hard", "a folder of tasks stays one"
