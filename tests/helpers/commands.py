"""`lmms-vg` in its own process and home, and the answers of its runs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import warm

#: Questions of every demo task, four per image, where 300 of them are not the point (`few_phantoms`).
FEW = 40
_WITH_FEW = (
    f"import sys; from lmms_vg.datasets import phantoms; phantoms.COUNT = {FEW}; "
    "from lmms_vg.cli.main import main; sys.exit(main())"
)


def program(few: bool = False) -> list[str]:
    """What starts `lmms-vg`, with the libraries imported already; with `few`, every demo task has so many questions."""
    folder = warm.programs()
    return [str(folder / "python"), "-c", _WITH_FEW] if few else [str(folder / "lmms-vg")]


def start(home: Path, *arguments: str, few: bool = False) -> subprocess.Popen[str]:
    """Start `lmms-vg`, with pipes for its output."""
    outer = ("RANK", "LOCAL_RANK", "WORLD_SIZE")
    kept = {name: value for name, value in os.environ.items() if name not in outer}
    return subprocess.Popen(
        [*program(few), *arguments],
        env=kept | {"LMMS_VG_HOME": str(home), "HF_HOME": str(home / "hf")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def command(home: Path, *arguments: str, few: bool = False) -> subprocess.CompletedProcess[str]:
    """Run `lmms-vg` to its end."""
    started = start(home, *arguments, few=few)
    printed, errors = started.communicate()
    return subprocess.CompletedProcess(started.args, started.returncode, printed, errors)


def answers(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Task -> its samples, without times, without memory, and without what was run together with it."""
    samples: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.rglob("*_samples_*.jsonl")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            line["n"].pop("seconds", None)
            line["n"].pop("spent", None)
            line["n"].get("run", {}).pop("shared", None)
            line.pop("latency", None)
        samples[path.name.split("_samples_")[1]] = sorted(lines, key=lambda line: line["doc_id"])
    return samples
