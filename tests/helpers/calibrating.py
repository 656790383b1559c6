"""The command that calibrates a tiny model, and the list that it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from lmms_vg.journal import home, read_heads, read_records
from lmms_vg.methods.head_list import HeadList

ROW = {"image": "imgs/1.png", "question": "Where is the liver?", "bbox": [[4, 4, 20, 20]]}


def command(checkpoint: str, out: Path, **options: Any) -> list[str]:
    defaults = {
        "data": "demo",
        "model": "huatuo",
        "model_args": f"pretrained={checkpoint},device=cpu",
        "keep": 7,
        "seed": 3,
    }
    pairs = [part for name, value in (defaults | options).items() for part in (f"--{name}", str(value))]
    return ["heads", "calibrate", *pairs, "-n", "6", "-o", str(out)]


def read(path: Path) -> HeadList:
    return HeadList.model_validate_json(path.read_text())


def raw_records() -> list[dict[str, Any]]:
    (path,) = home().glob("journal/*/rank0.jsonl")
    return [line for line in map(json.loads, path.read_text().splitlines()) if "run" not in line]


def raw_heads() -> dict[str, dict[str, np.ndarray]]:
    """Uid -> metric -> values of heads that the journal keeps."""
    (folder,) = home().glob("journal/*")
    return {
        record.uid: values._asdict() for record, values in read_heads(folder, read_records([folder / "rank0.jsonl"]))
    }
