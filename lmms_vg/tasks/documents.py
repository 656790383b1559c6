"""From samples to lmms-eval documents, and from a document back to its images.

A task's ``dataset_path`` is a one-line stub; its ``process_docs`` is one of ``tasks.readers``, which puts the samples in
the stub's place. A document is flat: ``task`` and ``uid`` find the model's record again, ``image`` (the first URI)
clusters standard errors; images stay URIs until a model asks for them.
"""

from collections.abc import Callable
from typing import Any

from datasets import Dataset, Features, Value
from PIL import Image

from lmms_vg import journal
from lmms_vg.datasets.images import open_image
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataError
from lmms_vg.host import callers, options
from lmms_vg.host.failure import RunFailed, failed

AXES = ("modality", "organ", "content_type", "question_type")
"""What results are broken down by."""

_TEXT = ("task", "uid", "image", "question", "answer", "answer_type", *AXES, "subset", "split")
# Spelt out, because types guessed from values fail where every list is empty.
FEATURES = Features(
    {name: Value("string") for name in _TEXT}
    | {"images": [Value("string")], "options": [Value("string")], "boxes": [[Value("float64")]]}
)


def documents(task: str, read: Callable[[], list[Sample]], _stub: object) -> Dataset:
    """The documents of a task.

    Errors: RunFailed, or SystemExit at lmms-eval's command line, with the reader's message if data are missing or not as
    expected, or if an option cannot be honoured on our tasks.
    """
    options.refuse("tasks")
    if not callers.leaves_records():
        journal.forget()  # of another model in this process: its records would speak for this one's answers
    try:
        samples = read()
    except (DataError, OSError) as error:
        raise failed(f"{task}: {error}") from error
    uids = {sample.uid for sample in samples}
    if len(uids) < len(samples):
        raise failed(f"{task}: {len(samples) - len(uids)} of {len(samples)} questions share their uid with another")
    return Dataset.from_list([_document(task, sample) for sample in samples], features=FEATURES)


def documents_of_task(task: str, read: Callable[[], list[Sample]], stub: object) -> Dataset:
    """``documents`` for lmms-eval, which retries what fails in here five times and shows its own error for it.

    What can be caught is therefore raised by the first look at a document, which lmms-eval takes before it asks anything.
    """
    try:
        return documents(task, read, stub)
    except RunFailed as failure:
        return _Failed.with_reason(failure)


class _Failed(Dataset):  # type: ignore[misc]
    """No documents, and the reason."""

    reason: RunFailed

    @classmethod
    def with_reason(cls, reason: RunFailed) -> Dataset:
        made = Dataset.from_dict({name: [] for name in FEATURES}, features=FEATURES)
        made.__class__ = cls
        made.reason = reason
        return made

    def __getitem__(self, _key: Any) -> Any:
        raise self.reason

    def __iter__(self) -> Any:
        raise self.reason


def visual(doc: dict[str, Any]) -> list[Image.Image]:
    """The document's images. Errors: those of ``open_image``."""
    return [open_image(uri) for uri in doc["images"]]


def _document(task: str, sample: Sample) -> dict[str, Any]:
    values = sample.model_dump(include=set(FEATURES))
    return values | {"task": task, "image": sample.images[0] if sample.images else ""}
