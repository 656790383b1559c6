"""Columns of the paper's tables as tasks and a metric."""

from __future__ import annotations

from itertools import cycle
from typing import NamedTuple

from lmms_vg.paper.published import Table, published

_CLOSED = {"VQA-RAD": "vqa_rad_closed", "SLAKE": "slake_closed", "PathVQA": "pathvqa_closed", "PMC-VQA": "pmc_vqa"}
_SUBJECTS = {
    "BMS": "mmmu_med_basic_medical_science",
    "CM": "mmmu_med_clinical_medicine",
    "DLM": "mmmu_med_diagnostics_and_laboratory_medicine",
    "P": "mmmu_med_pharmacy",
    "PH": "mmmu_med_public_health",
}
_MODALITIES = {
    name: f"omnimedvqa_{name.replace('-', '').lower()}"
    for name in ("CT", "FP", "MRI", "OCT", "Der", "Mic", "X-Ray", "US")
}
_OPEN = {"VQA-RAD": "vqa_rad_open", "SLAKE": "slake_open", "PathVQA": "pathvqa_open"}
_OPEN_METRICS = {"BLEU-1": "bleu1", "BERT": "bertscore", "OpenRecall": "open_recall"}

CELLS = {name: ("acc", task) for name, task in (_CLOSED | _SUBJECTS | _MODALITIES).items()} | {
    f"{name} {title}": (metric, task) for name, task in _OPEN.items() for title, metric in _OPEN_METRICS.items()
}
"""Published column that is no average -> metric and task."""

DEMO_ACCURACY = ("vqa_demo_standard", "vqa_demo_hard")
DEMO_OPEN = "vqa_demo_open"


class Column(NamedTuple):
    """A published column: the mean of `metric` over the questions of `tasks`.

    `weights`: task -> what the mean over its questions counts; empty where every question counts the same.
    """

    name: str
    metric: str
    tasks: tuple[str, ...]
    weights: dict[str, int]


def columns(table: Table, demo: bool) -> list[Column]:
    """All columns of a table; with `demo`, on phantoms: accuracies of its two closed tasks in turn, and its open one.

    Averages follow the table's weightings. Pooling our questions is the weighting wherever we ask the questions it counts,
    which is everywhere but in MMMU.
    """
    turn = cycle(DEMO_ACCURACY)
    found = {name: CELLS[name] for name in table.columns if name in CELLS}
    if demo:
        found = {name: (metric, next(turn) if metric == "acc" else DEMO_OPEN) for name, (metric, _) in found.items()}
    made = {name: Column(name, metric, (task,), {}) for name, (metric, task) in found.items()}
    for average in table.averages:
        parts = [found[name] for name in average.of]
        tasks = tuple(dict.fromkeys(task for _, task in parts))
        weights: dict[str, int] = {}
        if average.weighting == "MMMU test":
            counts = published().weightings[average.weighting].counts
            for name, (_, task) in zip(average.of, parts, strict=True):  # two subjects may be one demo task
                weights[task] = weights.get(task, 0) + counts[name]
        metric = "average" if average.weighting == "mean" else parts[0][0]
        made[average.column] = Column(average.column, metric, tasks, weights)
    return [made[name] for name in table.columns]
