"""Benchmarks as programs of their own, and in the process of the test."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import warm
from loguru import logger


def reported(capsys: pytest.CaptureFixture[str], name: str, *arguments: str) -> str:
    """Run a benchmark in this process; return what it printed, if it succeeded.

    What benchmarks leave is undone: a stub of decord, and how they log.
    """
    modules = set(sys.modules)
    try:
        status = importlib.import_module(f"benchmarks.{name}").main([*arguments])
    finally:
        if "decord" not in modules:
            sys.modules.pop("decord", None)
        logger.enable("lmms_vg")
        logger.remove()
        logger.add(sys.__stderr__, level="WARNING")
    assert not status
    return capsys.readouterr().out


def printed(name: str, *arguments: str, **environment: str) -> str:
    """Run a benchmark with one thread and further variables of the environment; return what it printed, if it succeeded."""
    done = subprocess.run(
        [warm.programs() / "python", "-m", f"benchmarks.{name}", *arguments],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
