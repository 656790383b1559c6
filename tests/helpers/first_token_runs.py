"""Saved runs whose yes/no questions have first-token values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lmms_vg.tasks.closed_sets import closed_set
from lmms_vg.tasks.registry import TASKS

TASK = "vqa_demo_hard"
VALUES: dict[str, Any] = {"log_p": {"yes": -0.6931, "no": -1.3863}, "mass": 0.75}


def with_values(path: Path) -> int:
    """Add values to a saved run's yes/no questions; return how many there are."""
    (samples,) = path.parent.glob(f"*_samples_{TASK}.jsonl")
    lines = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    number = 0
    for line, sample in zip(lines, TASKS[TASK].load(), strict=True):
        if closed_set(sample.model_dump()):
            line["n"]["first_token"] = VALUES
            number += 1
    samples.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return number
