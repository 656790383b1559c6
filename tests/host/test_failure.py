"""How a run fails: an exception that can be caught in Python, a non-zero exit status at the command line."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import pickle
import subprocess
from pathlib import Path
from typing import Any

import hosting
import lmms_eval.__main__ as host
import pytest
import warm
import yaml

from lmms_vg.harness import huatuo_plain
from lmms_vg.host import failure
from lmms_vg.host.failure import RunFailed
from lmms_vg.plugin import TASK_FOLDER


@pytest.fixture(autouse=True)
def nothing_left() -> Any:
    """Errors noted here must not become the status of the test run."""
    failure.take()
    yield
    failure.take()


def wrong(_: int) -> str:
    try:
        hosting.evaluated("huatuo_plain", "vqa_demo_hard", model_args="pretrained=demo,k=3", limit=1)
    except Exception as problem:  # as a loop over configurations does
        return str(problem)
    raise AssertionError("not refused")


def test_wrong_arguments_can_be_caught_and_the_loop_goes_on() -> None:
    assert "k not known to 'plain'" in wrong(0)
    assert failure.take() == []


def test_an_exception_leaves_a_process_pool() -> None:
    """With SystemExit the worker would end and the pool would wait for ever."""
    arguments = {"args": (), "kwds": {"pretrained": "demo", "k": 3}}
    with multiprocessing.get_context("fork").Pool(1) as pool, pytest.raises(RunFailed, match="k not known"):
        pool.apply_async(huatuo_plain, **arguments).get(timeout=120)
    assert str(pickle.loads(pickle.dumps(RunFailed("said")))) == "said"


@pytest.mark.parametrize("arguments", ["pretrained=demo", {"pretrained": "demo", "batch_size": 2}], ids=type)
def test_model_args_are_text_or_a_mapping(arguments: Any) -> None:
    results = hosting.evaluated("huatuo_plain", "vqa_demo_hard", model_args=arguments, limit=1)
    assert results["results"]["vqa_demo_hard"]["answered,none"] == 1


def test_one_model_object_is_evaluated_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "home"))
    model = huatuo_plain(pretrained="demo")
    first = hosting.evaluated(model, "vgmed_demo", limit=2)
    again = hosting.evaluated(model, "vgmed_demo", "vqa_demo_hard", limit=3)
    assert first["results"]["vgmed_demo"]["n,none"] == 2
    assert (again["results"]["vgmed_demo"]["n,none"], again["results"]["vqa_demo_hard"]["n,none"]) == (3, 3)
    assert len(hosting.journalled(tmp_path / "home")) == 6, "answered questions are not asked again"
    model.clean()
    model.clean()


def test_missing_data_are_an_exception_with_the_whole_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """lmms-eval would turn it into a RetryError."""
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path))
    with pytest.raises(RunFailed, match=r"(?s)slake_closed: .*hf download"):
        hosting.evaluated("huatuo_plain", "slake_closed", model_args="pretrained=demo")


def test_an_error_nobody_foresaw_makes_a_status_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The traceback is kept, since it is needed; lmms-eval alone would exit with 0."""

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    hosting.light(monkeypatch, tmp_path)
    monkeypatch.setattr(huatuo_plain, "_check", broken)
    arguments = ("--model", "huatuo_plain", "--model_args", "pretrained=demo", "--tasks", "vqa_demo_hard")
    assert hosting.command_line(monkeypatch, *arguments, "--limit", "1") is None
    assert failure.take() == ["ZeroDivisionError()"]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Two configurations, of which the first is wrong."""
    common = {"model": "huatuo_plain", "tasks": "vqa_demo_hard", "limit": 1, "output_path": str(tmp_path / "out")}
    arguments = ["pretrained=demo,k=3", "pretrained=demo"]
    path = tmp_path / "two.yaml"
    path.write_text(yaml.safe_dump([common | {"model_args": text} for text in arguments]))
    return path


def test_of_a_list_of_configurations_the_next_runs(two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosting.light(monkeypatch, tmp_path)
    assert hosting.command_line(monkeypatch, "--config", str(two)) is None
    (message,) = failure.take()
    assert "k not known" in message
    (results,) = (tmp_path / "out").rglob("*_results.json")
    assert json.loads(results.read_text())["results"]["vqa_demo_hard"]["n,none"] == 1


@pytest.mark.e2e
def test_the_process_ends_with_the_status_of_what_was_noted(two: Path, tmp_path: Path) -> None:
    """The real command in a separate process; only lmms-eval's other tasks are left out, to save a minute."""
    script = (
        "import sys; from lmms_eval.cli.dispatch import main; import lmms_eval.__main__ as host; "
        "from lmms_eval.tasks import TaskManager; "
        f"host.TaskManager = lambda *_, **__: TaskManager('ERROR', include_path={str(TASK_FOLDER)!r}, include_defaults=False); "
        f"sys.argv = ['lmms-eval', '--config', {str(two)!r}]; sys.exit(main())"
    )
    done = subprocess.run([warm.programs() / "python", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "|vqa_demo_hard|" in done.stdout, "the whole output was written"
    assert len(list((tmp_path / "out").rglob("*_results.json"))) == 1


def test_what_is_noted_in_python_is_logged_only() -> None:
    failure.note("something is missing")
    assert failure.take() == []


def test_where_the_command_line_is_not_the_caller_nothing_is_swallowed() -> None:
    assert isinstance(failure.failed("m"), RunFailed)
    assert host.cli_evaluate.__name__ == "cli_evaluate", "the name that callers.command_line looks for"


def test_a_disk_that_fills_up_while_a_run_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the journal's folder and the way on, and no answer is cut in two."""
    write = os.write

    def full(file: int, data: bytes) -> int:
        if b'"uid"' in bytes(data):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RunFailed, match=r"(?s)journal.*No space left on device.*LMMS_VG_HOME=FOLDER"):
        hosting.evaluated("huatuo_plain", "vqa_demo_hard", model_args="pretrained=demo", limit=2)
    assert hosting.journalled(tmp_path / "home") == []
