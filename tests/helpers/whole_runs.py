"""Whole runs of the real commands over small data in the raw layouts, some of them killed half way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tiny
import warm

BIN = Path(sys.executable).parent
SPLITS = ("train", "validation", "test")
KINDS = ("localization", "attribute")
IMAGES = ("a.png", "b.png", "c.png")
#: Asked about every image: in words of the tiny tokenizer, and all different.
TEXTS = {
    "localization": ("Where is the nodule?", "Which side is the small cyst on?"),
    "attribute": ("Is the stent bright?", "Does it look dark, compared with the tissue around?"),
}
ASKED = len(IMAGES) * 4 + 2 + 2 * len(SPLITS)
FAILED = 2
NO_NUMBERS = ("ci95", "bertscore", "average")  # an interval, and what needs the weights of another model
METRICS = {
    "vgmed_localization": {"ar", "kl", "js", "best_layer", "answered", "n"},
    "vgmed_attribute": {"ar", "kl", "js", "best_layer", "answered", "n"},
    "slake_closed": {
        "acc",
        "unparseable",
        "macro_modality",
        "macro_organ",
        "macro_content_type",
        "llava_med",
        "answered",
        "n",
    },
    "slake_open": {"bleu1", "open_recall", "llava_med_recall", "token_f1", "exact_match", "answered", "n"},
}


def write_data(folder: Path) -> Path:
    """Images alternate from row to row; one row of `localization` has an inverted box, another has no image."""
    for name in ("vgmed", "slake"):
        (folder / name).mkdir(parents=True)
    for seed, image in enumerate(IMAGES):
        tiny.picture(seed, 50 + 8 * seed, 44).save(folder / "vgmed" / image)
    for kind in KINDS:
        rows = [
            {"image": image, "question": text, "bbox": [[5, 5, 30, 30]]} for text in TEXTS[kind] for image in IMAGES
        ]
        if kind == "localization":
            rows += [{"image": "a.png", "question": "Inverted?", "bbox": [[9, 9, 3, 3]]}]
            rows += [{"image": "gone.png", "question": "No image?", "bbox": [[5, 5, 30, 30]]}]
        (folder / "vgmed" / f"VGMED_{kind}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with zipfile.ZipFile(folder / "slake" / "imgs.zip", "w") as archive:
        archive.write(folder / "vgmed" / "a.png", "imgs/x1/source.jpg")
    for qid, split in enumerate(SPLITS):
        row = {"img_name": "x1/source.jpg", "q_lang": "en", "modality": "CT", "qid": qid}
        closed = row | {"question": f"Is it bright{'?' * qid}", "answer": "No", "answer_type": "CLOSED"}
        opened = row | {"question": f"Which organ{'?' * qid}", "answer": "Liver", "answer_type": "OPEN", "qid": qid + 9}
        chinese = closed | {"q_lang": "zh", "qid": qid + 99}
        (folder / "slake" / f"{split}.json").write_text(json.dumps([closed, opened, chinese]))
    return folder


@dataclass(frozen=True)
class Run:
    """The results of a finished command."""

    status: int
    output: str
    folder: Path

    @property
    def table(self) -> list[str]:
        return [line for line in self.output.splitlines() if line.startswith("|")]

    @property
    def values(self) -> dict[str, dict[str, float]]:
        """Return task to metric to value, from the printed table."""
        found: dict[str, dict[str, float]] = {}
        for line in self.table:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if cells[0].startswith("- ") and cells[1] == "none" and cells[3] not in NO_NUMBERS:
                found.setdefault(cells[0][2:], {})[cells[3]] = float(cells[5])
        return found

    @property
    def summary(self) -> list[int]:
        """Return the counts: asked, from journal, answered now, failed."""
        (line,) = [line for line in self.output.splitlines() if "lmms_vg summary" in line and " asked" in line]
        return [int(number) for number in re.findall(r"(\d+) (?:asked|from|answered|failed)", line)]

    @property
    def journal(self) -> list[dict[str, Any]]:
        """Return all lines of all ranks."""
        return journal_lines(self.folder)

    def samples(self, task: str) -> list[dict[str, Any]]:
        (path,) = self.folder.rglob(f"*_samples_{task}.jsonl")
        return [json.loads(line) for line in path.read_text().splitlines()]


def journal_lines(folder: Path) -> list[dict[str, Any]]:
    paths = sorted(folder.glob("home/journal/*/rank*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]


def environment(folder: Path, data: Path) -> dict[str, str]:
    """A separate process, without state of the user, of other runs or of a launcher."""
    outer = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LMMS_VG_KEEP_BUILTIN", "LMMS_EVAL_PLUGINS")
    kept = {name: value for name, value in os.environ.items() if name not in outer}
    return kept | {
        "LMMS_VG_DATA": str(data),
        "LMMS_VG_HOME": str(folder / "home"),
        "LMMS_VG_PARTIAL_DATA": "1",
        "LMMS_EVAL_DATASETS_CACHE": str(folder / "datasets"),
        "HF_HOME": str(folder / "hf"),
    }


def start(folder: Path, data: Path, *command: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    programs = warm.programs() if command[0] in warm.PROGRAMS else BIN
    return subprocess.Popen(
        [str(programs / command[0]), *command[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(folder, data),
        cwd=folder,
        start_new_session=True,
    )


def finish(folder: Path, data: Path, *command: str) -> Run:
    process = start(folder, data, *command)
    output, _ = process.communicate()
    return Run(process.returncode, re.sub(r"\x1b\[[0-9;]*m", "", output), folder)


@dataclass(frozen=True)
class Interrupted:
    """A run that was killed half way, the lines it left, and the run that resumed it."""

    lines: list[dict[str, Any]]
    resumed: Run


def interrupt(folder: Path, data: Path, *command: str) -> Interrupted:
    process = start(folder, data, *command)
    journals = folder / "home" / "journal"
    while process.poll() is None:
        text = b"".join(path.read_bytes() for path in journals.glob("*/rank0.jsonl"))
        if text.count(b"\n") > 4:  # a line on the run, four answers
            os.killpg(process.pid, signal.SIGKILL)
        else:
            time.sleep(0.002)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (path,) = journals.glob("*/rank0.jsonl")
    left = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    with path.open("ab") as file:
        file.write(b'{"key": "torn')
    return Interrupted(left, finish(folder, data, *command))
