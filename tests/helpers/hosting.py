"""lmms-eval's command line and evaluator in this process with our tasks only: its thousand others take a minute."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmms_eval.__main__ as host
import pytest
from lmms_eval import evaluator
from lmms_eval.tasks import TaskManager
from loguru import logger

from lmms_vg import plugin
from lmms_vg.plugin import TASK_FOLDER


def manager(*folders: str) -> TaskManager:
    return TaskManager("ERROR", include_path=[str(TASK_FOLDER), *folders], include_defaults=False)


def light(patch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Inside the context, the command line knows our tasks, own questions, and those of `--include_path`."""
    patch.setenv("LMMS_EVAL_DATASETS_CACHE", str(tmp_path / "datasets"))

    def tasks(*_: object, include_path: str | None, **__: object) -> TaskManager:
        return manager(*filter(None, [include_path, plugin._own_folder()]))

    patch.setattr(host, "TaskManager", tasks)


def ended(call: Callable[[], Any]) -> Any:
    """What a command line returns, or the status it exits with."""
    try:
        return call()
    except SystemExit as end:
        return end.code
    finally:  # it logs to a stream that lives as long as the test
        logger.remove()
        logger.add(sys.__stderr__, level="WARNING")


def command_line(patch: pytest.MonkeyPatch, *arguments: str) -> Any:
    """Run `lmms-eval` with these arguments."""
    patch.setattr(sys, "argv", ["lmms-eval", *arguments])
    return ended(host.cli_evaluate)


def evaluated(model: Any, *tasks: str, **options: Any) -> dict[str, Any]:
    """Run lmms-eval through its Python interface."""
    options = {"task_manager": manager(), "limit": 4, "bootstrap_iters": 0} | options
    return evaluator.simple_evaluate(model=model, tasks=list(tasks), **options)


def journalled(home: Path) -> list[dict[str, Any]]:
    """Every answer in the journals of a home."""
    lines = [json.loads(line) for path in home.rglob("rank0.jsonl") for line in path.read_text().splitlines()]
    return [line for line in lines if "uid" in line]


def samples(out: Path, task: str) -> list[dict[str, Any]]:
    (path,) = out.rglob(f"*_samples_{task}.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]
