"""From samples to lmms-eval documents, and from a document back to its images.

A task's ``dataset_path`` is a one-line stub; its ``process_docs`` is one of ``tasks.readers``, which puts the samples in
the stub's place. A document is flat: ``task`` and ``uid`` find the model's record again, ``image`` (the first URI)
clusters standard errors; images stay URIs until a model asks for them.
"""

from collections.abc import Callable
from typing import Any

from datasets import Dataset, Features, Value
from PIL import Image

from lmms_vg.datasets.images import open_image
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataError

AXES = ("modality", "organ", "content_type", "question_type")
"""What results are broken down by."""

_TEXT = ("task", "uid", "image", "question", "answer", "answer_type", *AXES, "subset", "split")
# Spelt out, because types guessed from values fail where every list is empty.
FEATURES = Features(
    {name: Value("string") for name in _TEXT}
    | {"images": [Value("string")], "options": [Value("string")], "boxes": [[Value("float64")]]}
)


def documents(task: str, read: Callable[[], list[Sample]], _stub: object) -> Dataset:
    """The documents of a task. Errors: SystemExit with the reader's message if data are missing or not as expected."""
    try:
        samples = read()
    except (DataError, OSError) as error:
        # lmms-eval retries any Exception here five times and then shows its own RetryError, without the message, and
        # exits with status 0. SystemExit is not retried, and ends the run with the message and status 1.
        raise SystemExit(f"{task}: {error}") from error
    uids = {sample.uid for sample in samples}
    if len(uids) < len(samples):
        raise SystemExit(f"{task}: {len(samples) - len(uids)} of {len(samples)} questions share their uid with another")
    return Dataset.from_list([_document(task, sample) for sample in samples], features=FEATURES)


def visual(doc: dict[str, Any]) -> list[Image.Image]:
    """The document's images. Errors: those of ``open_image``."""
    return [open_image(uri) for uri in doc["images"]]


def _document(task: str, sample: Sample) -> dict[str, Any]:
    values = sample.model_dump(include=set(FEATURES))
    return values | {"task": task, "image": sample.images[0] if sample.images else ""}
