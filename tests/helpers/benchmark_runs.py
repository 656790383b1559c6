"""Benchmarks as programs of their own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import warm


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
