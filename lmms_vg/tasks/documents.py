"""Turn samples into lmms-eval documents, and a document back into its images.

A task's `dataset_path` is a one-line stub; its `process_docs` is an attribute of `tasks.registry`, which replaces the stub by
the samples. A document is flat: `task` and `uid` identify the model's record, and `image` clusters standard errors: it is the
first URI, or stands for all images of a patient where a source tells. Images stay URIs until a model asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from datasets import Dataset, Features, Value
from PIL import Image

from lmms_vg import journal
from lmms_vg.datasets.images import open_image
from lmms_vg.datasets.schema import Sample, drawn_together
from lmms_vg.datasets.source import DataError
from lmms_vg.host import callers, options
from lmms_vg.host.failure import RunFailed, failed
from lmms_vg.tasks.document_fields import RARE, TEXTS

#: Spelt out, because types inferred from values fail where every list is empty.
FEATURES = Features(
    {name: Value("string") for name in TEXTS}
    | {"images": [Value("string")], "options": [Value("string")], "boxes": [[Value("float64")]]}
)


def documents(task: str, read: Callable[[], list[Sample]], _stub: object) -> Dataset:
    """Return the documents of a task.

    Raises:
        RunFailed: data are missing or not as expected, or an option cannot be honoured on our tasks. At lmms-eval's command
            line it is SystemExit.
    """
    options.refuse("tasks")
    if not callers.leaves_records():
        journal.forget()  # records of another model in this process would be taken for those of this one
    try:
        samples = read()
    except (DataError, OSError) as error:
        raise failed(f"{task}: {error}") from error
    uids = {sample.uid for sample in samples}
    if len(uids) < len(samples):
        raise failed(f"{task}: {len(samples) - len(uids)} of {len(samples)} questions have the uid of another question")
    features = FEATURES | {name: Value("string") for name in RARE if any(getattr(entry, name) for entry in samples)}
    rows = [_document(task, sample, features) for sample in samples]
    return Dataset.from_list(rows, features=Features(features))


def documents_of_task(task: str, read: Callable[[], list[Sample]], stub: object) -> Dataset:
    """`documents` for lmms-eval, which retries five times when this function fails and then shows its own error.

    An error is therefore raised only at the first access to a document, which comes before lmms-eval asks any question.
    """
    try:
        return documents(task, read, stub)
    except RunFailed as failure:
        return _Failed.with_reason(failure)


class _Failed(Dataset):  # type: ignore[misc]
    """A data set without documents that raises its reason on access."""

    reason: RunFailed

    @classmethod
    def with_reason(cls, reason: RunFailed) -> Dataset:
        empty = Dataset.from_dict({name: [] for name in FEATURES}, features=FEATURES)
        empty.__class__ = cls
        empty.reason = reason
        return empty

    def __getitem__(self, _key: Any) -> Any:
        raise self.reason

    def __iter__(self) -> Any:
        raise self.reason


def visual(doc: dict[str, Any]) -> list[Image.Image]:
    """Return the document's images.

    Raises:
        DataError: as `open_image`.
    """
    return [open_image(uri) for uri in doc["images"]]


def patient_of(doc: Mapping[str, Any]) -> str:
    """Return the name of the document's patient, or volume, as intervals draw it; empty where its data set does not tell."""
    return str(doc["image"]) if doc.get("patient") else ""


def _document(task: str, sample: Sample, features: Iterable[str]) -> dict[str, Any]:
    values = sample.model_dump(include=set(features))
    return values | {"task": task, "image": drawn_together(sample.images, sample.patient)}
