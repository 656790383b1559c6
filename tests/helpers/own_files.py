"""A user's own file of questions beside pictures of 40 x 30 pixels, and the bad rows that it may have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

IMAGE = "my scans/肝 1.png"
ROW = {"image": IMAGE, "question": "Where is the liver?", "bbox": [4, 5, 20, 25]}


def write(folder: Path, *rows: dict[str, Any] | str, name: str = "mine.jsonl") -> Path:
    """Write rows, or lines as they are, and the image that `ROW` is about."""
    (folder / IMAGE).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / IMAGE)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
