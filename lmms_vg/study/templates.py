"""One box under all ten wordings of a localization question (paper, Figure I.2), as a file of own questions with its images.

Whether the look depends on the wording is then in the table `repeatability`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.datasets.images import open_image
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataError
from lmms_vg.paper.sources import label_of
from lmms_vg.runs.tidy_rows import SEED
from lmms_vg.study.questions import TEMPLATES as PREFIX
from lmms_vg.tasks.own_tasks import samples as samples_of
from lmms_vg.vgmed.balance import rank
from lmms_vg.vgmed.grammar import noun
from lmms_vg.vgmed.localization import TEMPLATES

#: Boxes of a task that are asked about, at most.
BOXES = 100

#: Of a phantom's question that names its finding in the words of a localization.
_WHERE, _END = "Where is the ", "?"


def write(tasks: Sequence[str], folder: Path) -> tuple[list[Path], list[str]]:
    """Write a file of own questions per task that has boxes with a label; its images stand beside it.

    Args:
        tasks: tasks that measure.
        folder: where to; the same tasks give the same bytes.

    Returns:
        The files, and what could not be asked.
    """
    files: list[Path] = []
    missing: list[str] = []
    for task in tasks:
        try:
            drawn = boxes_of(samples_of(task))
        except (DataError, OSError) as problem:
            missing.append(f"{task} cannot be asked under templates: {problem}")
            continue
        lines: list[dict[str, object]] = []
        for number, (label, sample) in enumerate(drawn):
            try:
                lines += _asked(label, sample, f"{PREFIX}_{task}/{number:03d}.png", folder)
            except (DataError, OSError) as problem:  # a broken image; the other boxes are asked
                missing.append(f"{sample.uid} cannot be asked under templates: {problem}")
        if lines:
            files.append(folder / f"{PREFIX}_{task}.jsonl")
            replace_file(files[-1], "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
        elif not drawn:
            missing.append(f"{task}: no box has a known label, so the templates cannot ask about it")
    return files, missing


def boxes_of(samples: Sequence[Sample]) -> list[tuple[str, Sample]]:
    """Draw up to `BOXES` different boxes whose label is known, by seed, each with its label and a question about it."""
    known: dict[tuple[str, str], tuple[str, Sample]] = {}
    for sample in samples:
        sound = bool(sample.boxes) and np.isfinite(np.concatenate(sample.boxes)).all()
        if sound and sample.images and (label := _label(sample)):
            known.setdefault((sample.images[0], str(sample.boxes)), (label, sample))
    return sorted(known.values(), key=lambda pair: rank(SEED, pair[1].uid))[:BOXES]


def _label(sample: Sample) -> str:
    asked = sample.question.strip()
    if asked.startswith(_WHERE) and asked.endswith(_END):
        return sample.organ or asked.removeprefix(_WHERE).removesuffix(_END)
    return sample.organ or label_of(asked)


def _asked(label: str, sample: Sample, name: str, folder: Path) -> Iterator[dict[str, object]]:
    """Yield the ten lines of a box; its image is written as PNG under a name in the folder."""
    picture = BytesIO()
    open_image(sample.images[0]).save(picture, "PNG")
    replace_file(folder / name, picture.getvalue())
    for template in TEMPLATES:
        yield {
            "image": name,
            "question": noun(label).fill(template),
            "bbox": sample.boxes,
            "modality": sample.modality,
            "patient": sample.patient,
        }
