"""The training questions beside a task's test questions, where their files are on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from lmms_vg.datasets.schema import DatasetSpec, Sample


class Training(NamedTuple):
    """Questions of one data set.

    Attributes:
        asked: uid of each test question -> its text.
        answers: text and answer of every other question, in the files' order.
    """

    asked: dict[str, str]
    answers: list[tuple[str, str]]


#: Task that asks a test split -> the data set with its training questions.
_DATA_SETS = {
    "slake_test_closed": "slake",
    "slake_grounded_test_closed": "slake",  # some of the same questions
    "vqa_rad_test_closed": "vqa_rad",
}


def training(task: str) -> Training | None:
    """Return the training questions of a task; None if it has none, or if their files are not here. Nothing is downloaded."""
    return _read(_DATA_SETS[task]) if task in _DATA_SETS else None


def _read(data_set: str) -> Training | None:
    # Late: every report asks for training questions, few tasks have any, and the hub's client takes as long as a report.
    from huggingface_hub import try_to_load_from_cache

    from lmms_vg.datasets import slake, vqa_rad
    from lmms_vg.datasets.source import DataError, local_root

    sources: dict[str, tuple[DatasetSpec, str, Callable[[Literal["closed"]], list[Sample]]]] = {
        "slake": (slake.SLAKE, "train.json", slake.load),
        "vqa_rad": (vqa_rad.VQA_RAD, vqa_rad.JSON, vqa_rad.load),
    }
    spec, file, load = sources[data_set]
    cached = spec.hub_id and try_to_load_from_cache(spec.hub_id, file, revision=spec.revision, repo_type="dataset")
    if local_root(spec) is None and not isinstance(cached, str):
        return None
    try:
        samples = load("closed")
    except DataError:  # a part is missing here: the row is left out, which the comparison shows
        return None
    return Training(
        {sample.uid: sample.question for sample in samples if sample.split == "test"},
        [(sample.question, sample.answer) for sample in samples if sample.split != "test"],
    )
