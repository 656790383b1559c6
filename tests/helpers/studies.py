"""Tasks of a study made by hand: values per question and layer, without journals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from saved_run import IDENTITY, spec

from lmms_vg.runs.results import Run
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.layer_values import MEASURES, Measure
from lmms_vg.study.questions import StudyQuestion, kind_of, side_of

GRID = (4, 4)


def question(number: int, task: str = "vgmed_localization", **more: Any) -> StudyQuestion:
    """Two questions per image; the box has `patches` of 16 patches."""
    mask = np.zeros(16, bool)
    mask[: more.pop("patches", 2)] = True
    given = {
        "modality": "CT",
        "body_part": "Abdomen",
        "organ": "liver",
        "source": "BTCV",
        "text": "Is a liver shown in the picture?",
        "answer": "yes",
        "reference": "",
        "right": None,
        "image": f"{task}/image {number // 2}",
        "boxes": ((0.0, 0.0, 2.0, 1.0),),
        "grid": GRID,
        "mask": mask.reshape(GRID),
        "visible": np.ones(GRID, bool),
    } | more
    given.setdefault("unit", given["image"])
    return StudyQuestion(uid=f"q{number}", task=task, kind=kind_of(task), side=side_of(task), **given)


def run_named(method: str = "plain", family: str = "huatuo", control: str = "") -> Run:
    identity = IDENTITY | {"method": spec(method), "family": family} | ({"control": control} if control else {})
    return Run(Path(f"{family}_{method}"), "m", "", provenance=identity)


def task_of(
    kl: NDArray[np.float64],
    task: str = "vgmed_localization",
    run: Run | None = None,
    questions: Sequence[StudyQuestion] | None = None,
    hidden: NDArray[np.bool_] | None = None,
    **values: NDArray[np.float64],
) -> StudiedTask:
    """A task with this KL, (questions, layers); other measures are NaN unless given; excess is value minus 1."""
    own = run or run_named()
    tables: dict[Measure, NDArray[np.float64]] = {
        name: values.get(name, np.full(kl.shape, np.nan)) for name in MEASURES
    }
    tables["KL"] = kl
    ones = {name: np.where(np.isnan(table), np.nan, 1.0) for name, table in tables.items()}
    return StudiedTask(
        own,
        f"{(own.provenance or {})['family']} demo",
        own.label,
        task,
        kind_of(task),
        side_of(task),
        tuple(questions or (question(number, task) for number in range(len(kl)))),
        tables,
        ones,
        {name: tables[name] - ones[name] for name in MEASURES},
        {name: tables[name] - ones[name] for name in MEASURES if name != "placement"},
        {name: table[:, 0] for name, table in ones.items()},
        np.zeros(kl.shape, bool) if hidden is None else hidden,
        (),
    )
