"""Commands that read finished runs start quickly: they import nothing that asks models, draws, or takes long."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "transformers", "lmms_eval", "datasets", "scipy", "matplotlib", "pandas", "pyarrow")
SCRIPT = """
import json, sys
from lmms_vg.cli.main import main
status = main(sys.argv[2:])
print(json.dumps([status, sorted(set(json.loads(sys.argv[1])) & set(sys.modules))]))
"""


@pytest.mark.parametrize("command", ["report OUT/plain", "compare OUT/plain OUT/vgrefine"])
def test_nothing_heavy_is_imported(demo_runs: Path, command: str) -> None:
    arguments = command.replace("OUT", str(demo_runs / "out")).split()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(HEAVY), *arguments], capture_output=True, text=True, check=True
    )
    *table, last = done.stdout.splitlines()
    assert any("vqa_demo_hard" in line for line in table)
    assert json.loads(last) == [0, []]
