"""The training questions beside a task's test questions, where their files are on this machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from huggingface_hub import try_to_load_from_cache

from lmms_vg.datasets import slake, vqa_rad
from lmms_vg.datasets.schema import DatasetSpec, Sample
from lmms_vg.datasets.source import DataError, local_root


class Training(NamedTuple):
    """Questions of one data set.

    Attributes:
        asked: uid of each test question -> its text.
        answers: text and answer of every other question, in the files' order.
    """

    asked: dict[str, str]
    answers: list[tuple[str, str]]


#: Task that asks a test split -> its data set, one file with the questions, and what loads those of all splits.
_SOURCES: dict[str, tuple[DatasetSpec, str, Callable[[], list[Sample]]]] = {
    "slake_test_closed": (slake.SLAKE, "train.json", partial(slake.load, "closed")),
    # Some of the same questions.
    "slake_grounded_test_closed": (slake.SLAKE, "train.json", partial(slake.load, "closed")),
    "vqa_rad_test_closed": (vqa_rad.VQA_RAD, vqa_rad.JSON, partial(vqa_rad.load, "closed")),
}


def training(task: str) -> Training | None:
    """Return the training questions of a task; None if it has none, or if their files are not here. Nothing is downloaded."""
    if task not in _SOURCES:
        return None
    spec, file, load = _SOURCES[task]
    cached = spec.hub_id and try_to_load_from_cache(spec.hub_id, file, revision=spec.revision, repo_type="dataset")
    if local_root(spec) is None and not isinstance(cached, str):
        return None
    try:
        samples = load()
    except DataError:  # a part is missing here: the row is left out, which the comparison shows
        return None
    return Training(
        {sample.uid: sample.question for sample in samples if sample.split == "test"},
        [(sample.question, sample.answer) for sample in samples if sample.split != "test"],
    )
