"""Every column of the paper's tables, once: its metric, its task per protocol, and its weights in averages.

The leaderboard's tables and radars, the cells that can be reproduced, and the averages recomputed from the paper's own cells
all read `COLUMNS`, so a new column is added only here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from lmms_vg.paper.protocols import ProtocolName

Tasks = dict[ProtocolName, tuple[str, ...]]

MEAN = "mean"
#: Weighting by questions that cannot be asked here. Every other weighting but the mean equals pooling our questions.
HIDDEN = "MMMU test"

#: Name -> what an average weights its columns by. The paper prints no numbers of questions: these are ours.
WEIGHTINGS = {
    MEAN: "every column counts the same",
    "pooled": "by closed questions of all of VQA-RAD and SLAKE and of the test splits of PathVQA and PMC-VQA",
    "test splits": "by the questions of the official test splits that HuatuoGPT-Vision asks: yes/no ones of VQA-RAD, closed "
    "ones of SLAKE and PathVQA, all of PMC-VQA",
    HIDDEN: "by questions of MMMU's test split",
    "OmniMedVQA": "by questions of the open-access part",
}


class PaperColumn(NamedTuple):
    """A column that is not an average of others.

    Attributes:
        title: as the paper prints it.
        table: the paper's table of such columns: 1 closed questions, E.3 open ones, 2 MMMU, 3 OmniMedVQA.
        metric: its mean over the questions of a task is the column's number.
        tasks: protocol -> alternative tasks with the same questions; the first that a run has counts.
        weights: weighting -> number of questions that the column counts in an average.
        about: what the title does not say.
    """

    title: str
    table: Literal["1", "2", "3", "E.3"]
    metric: str
    tasks: Tasks
    weights: Mapping[str, int] = {}
    about: str = ""


def _tasks(paper: str, *test: str) -> Tasks:
    """Return a column's tasks; `test` are those of the official test split, if they differ from the paper's."""
    return {"vgrefine": (paper,), "test": test or (paper,)}


def _chen(stem: str) -> Tasks:
    return {"chen": (f"{stem}_chen",), "chen-greedy": (f"{stem}_chen_greedy",)}


def _closed(title: str, tasks: Tasks, pooled: int, test: int) -> PaperColumn:
    return PaperColumn(title, "1", "acc", tasks, {"pooled": pooled, "test splits": test})


def _subject(title: str, name: str, n: int) -> PaperColumn:
    return PaperColumn(title, "2", "acc", _tasks(f"mmmu_med_{name.lower().replace(' ', '_')}"), {HIDDEN: n}, name)


def _modality(title: str, n: int) -> PaperColumn:
    return PaperColumn(title, "3", "acc", _tasks(f"omnimedvqa_{title.lower().replace('-', '')}"), {"OmniMedVQA": n})


_OPEN = {
    "VQA-RAD": _tasks("vqa_rad_open", "vqa_rad_test_open"),
    "SLAKE": _tasks("slake_open", "slake_test_open"),
    "PathVQA": _tasks("pathvqa_open", "pathvqa_test_open", "pathvqa_open"),
}
_OPEN_METRICS = (
    ("BLEU-1", "bleu1", ""),
    ("BERT", "bertscore", "as submitted"),
    ("OpenRecall", "open_recall", ""),
    ("Avg.", "average", "of these three"),
)
_MODALITIES = {"CT": 15808, "FP": 5398, "MRI": 31877, "OCT": 4646, "Der": 6679, "Mic": 5680, "X-Ray": 7916, "US": 10991}

COLUMNS: tuple[PaperColumn, ...] = (
    _closed("VQA-RAD", _tasks("vqa_rad_closed", "vqa_rad_test_closed") | _chen("vqa_rad"), 1297, 251),
    _closed("SLAKE", _tasks("slake_closed", "slake_test_closed") | _chen("slake"), 2781, 416),
    _closed(
        "PathVQA", _tasks("pathvqa_closed", "pathvqa_test_closed", "pathvqa_closed") | _chen("pathvqa"), 3362, 3362
    ),
    _closed("PMC-VQA", _tasks("pmc_vqa") | _chen("pmc_vqa"), 2000, 2000),
    *(
        PaperColumn(f"{title} {name}", "E.3", metric, tasks, about=about)
        for title, tasks in _OPEN.items()
        for name, metric, about in _OPEN_METRICS
    ),
    _subject("BMS", "Basic Medical Science", 326),
    _subject("CM", "Clinical Medicine", 325),
    _subject("DLM", "Diagnostics and Laboratory Medicine", 162),
    _subject("P", "Pharmacy", 430),
    _subject("PH", "Public Health", 509),
    PaperColumn("MMMU", "2", "acc", _chen("mmmu_med"), about="five subjects pooled"),
    *(_modality(title, n) for title, n in _MODALITIES.items()),
    PaperColumn("OmniMedVQA", "3", "acc", _chen("omnimedvqa"), about="modalities pooled"),
)


def of_table(table: str, protocol: ProtocolName = "vgrefine") -> list[PaperColumn]:
    """Return the columns of one of the paper's tables that a protocol asks, in their order."""
    return [column for column in COLUMNS if column.table == table and protocol in column.tasks]


def by_title() -> dict[str, PaperColumn]:
    """Return title -> column."""
    return {column.title: column for column in COLUMNS}


def weights(titles: Sequence[str], weighting: str) -> list[int] | None:
    """Return the number of questions that each column counts; an empty list if all count the same (`MEAN`).

    None if the weighting does not cover all these columns.
    """
    if weighting == MEAN:
        return []
    counts = {column.title: column.weights[weighting] for column in COLUMNS if weighting in column.weights}
    return [counts[title] for title in titles] if counts.keys() >= {*titles} else None
