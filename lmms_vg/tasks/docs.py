"""From samples to lmms-eval documents, and from a document to images and prompt.

A task's ``dataset_path`` is a one-line stub; its ``process_docs`` is one of the readers below, which puts the samples
in the stub's place. A document is flat: ``task`` and ``uid`` find the model's record again, ``image`` (the first URI)
clusters standard errors; images stay URIs until a model asks for them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from datasets import Dataset, Features, Value
from PIL import Image

from lmms_vg.datasets import phantoms, slake, vgmed
from lmms_vg.datasets.images import open_image
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataError

INSTRUCTION = "Answer the question using a single word or phrase."

REFERENCE = f"Write a general description of the image. {INSTRUCTION}"
"""The reference prompt where a task's ``metadata`` states none: that of VGMED measurements (paper, Section 2.2)."""

_TEXT = ("task", "uid", "image", "question", "answer", "answer_type", "modality", "subset", "split")
# Spelt out, because types guessed from values fail where every list is empty.
FEATURES = Features(
    {name: Value("string") for name in _TEXT} | {"images": [Value("string")], "boxes": [[Value("float64")]]}
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


def _document(task: str, sample: Sample) -> dict[str, Any]:
    values = sample.model_dump(include=set(FEATURES))
    return values | {"task": task, "image": sample.images[0]}


def _slake(part: Literal["closed", "open"]) -> list[Sample]:
    samples = slake.load(part)
    slake.require_images()
    return samples


vgmed_localization = partial(documents, "vgmed_localization", partial(vgmed.load, "VGMED", "localization"))
vgmed_attribute = partial(documents, "vgmed_attribute", partial(vgmed.load, "VGMED", "attribute"))
vgmed_coco_localization = partial(documents, "vgmed_coco_localization", partial(vgmed.load, "COCO", "localization"))
vgmed_coco_attribute = partial(documents, "vgmed_coco_attribute", partial(vgmed.load, "COCO", "attribute"))
vgmed_demo = partial(documents, "vgmed_demo", partial(phantoms.load, "standard"))
demo_calibration = partial(documents, "demo_calibration", partial(phantoms.load, "standard", phantoms.CALIBRATION_SEED))
slake_closed = partial(documents, "slake_closed", partial(_slake, "closed"))
slake_open = partial(documents, "slake_open", partial(_slake, "open"))
vqa_demo_standard = partial(documents, "vqa_demo_standard", partial(phantoms.load, "standard"))
vqa_demo_hard = partial(documents, "vqa_demo_hard", partial(phantoms.load, "hard"))


def visual(doc: dict[str, Any]) -> list[Image.Image]:
    """The document's images. Errors: those of ``open_image``."""
    return [open_image(uri) for uri in doc["images"]]


def measurement_prompt(doc: dict[str, Any]) -> str:
    """The prompt of VGMED measurements: a space before the instruction, as in the paper's released code."""
    return f"{doc['question']} {INSTRUCTION}" if doc["question"].strip() else ""


def vqa_prompt(doc: dict[str, Any]) -> str:
    """The VQA prompt: a line break before the instruction (paper, Fig. I.12)."""
    return f"{doc['question']}\n{INSTRUCTION}" if doc["question"].strip() else ""
