"""SLAKE as a folder of its files, with one image."""

from __future__ import annotations

import json
from pathlib import Path

ROW = {
    "img_name": "xmlab1/source.jpg",
    "question": "Is the liver normal?",
    "answer": "No",
    "q_lang": "en",
    "modality": "CT",
    "answer_type": "CLOSED",
    "qid": 5,
}


def write_slake(folder: Path, rows: int = 1, images: bool = True) -> None:
    folder.mkdir(parents=True)
    for name in ("train.json", "validation.json", "test.json"):
        (folder / name).write_text(json.dumps([ROW | {"qid": number} for number in range(rows)]))
    if images:
        (folder / "imgs" / "xmlab1").mkdir(parents=True)
        (folder / "imgs" / "xmlab1" / "source.jpg").write_bytes(b"x" * 1500)
        (folder / "imgs" / "xmlab1" / "detection.json").write_text('[{"Liver": [1, 1, 2, 2]}]')
