"""`Sample`, which every source is read into, and `DatasetSpec`, which describes a source."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

#: Place of an image, counted from 1, in the text of `Sample.question` and `Sample.options`.
MARK = re.compile(r"<image (\d+)>")


class Sample(BaseModel):
    """One question about one or more images.

    A row that is broken at its source keeps what it has: an empty question or answer, no boxes, or NaN in place of a
    number. The model or the scoring then fails on it visibly, so the question is counted and does not disappear.

    Attributes:
        uid: unique in its task.
        images: URIs for `datasets.images.open_image`.
        question: text; marks `<image 1>`, `<image 2>` show where the images belong. Without marks, images come first.
        answer: letter of the right option ("A" is the first) if there are options, else the reference text.
        options: texts of the options without their letters; they may hold marks too.
        answer_type: CLOSED, OPEN or CHOICE; empty where the source does not tell.
        modality: category for breakdowns, in the source's words, as the next three; empty where the source has none.
        organ: category for breakdowns.
        content_type: category for breakdowns.
        question_type: category for breakdowns.
        group: category for breakdowns; of own questions only.
        patient: whose images these are, where a source tells; a patient's images are drawn together in every interval.
        subset: part of the data set.
        split: the source's split; empty if it has none.
        boxes: xyxy, in pixels of the first image.
        licence: licence of the source.
        source: address of the source.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    uid: str
    images: list[str]
    question: str
    answer: str = ""
    options: list[str] = []
    answer_type: str = ""
    modality: str = ""
    organ: str = ""
    content_type: str = ""
    question_type: str = ""
    group: str = ""
    patient: str = ""
    subset: str
    split: str
    boxes: list[list[float]] = []
    licence: str
    source: str


class DatasetSpec(BaseModel):
    """A source of questions.

    Attributes:
        name: name of the folder under `LMMS_VG_DATA`.
        hub_id: hub repository that holds the files.
        homepage: address for people.
        revision: the hub's revision; None is the newest.
        licence: in words.
        files: file or glob pattern -> approximate size in words.
        urls: file -> address, for files that are not on the hub.
        counts: part -> expected number of questions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    hub_id: str | None = None
    homepage: str = ""
    revision: str | None = None
    licence: str
    files: dict[str, str]
    urls: dict[str, str] = {}
    counts: dict[str, int] = {}

    @property
    def source(self) -> str:
        """Address of the source, for people."""
        return f"https://huggingface.co/datasets/{self.hub_id}" if self.hub_id else self.homepage


def drawn_together(images: Sequence[str], patient: str) -> str:
    """Name what every interval draws as a whole: the first image, or all images of a patient where a source tells.

    >>> drawn_together(["own:ct/3.png", "own:ct/4.png"], "7")
    'own:ct/patient 7'
    """
    first = images[0] if images else ""
    return f"{first.partition('/')[0]}/patient {patient}" if patient else first


def distinct(samples: list[Sample]) -> list[Sample]:
    """Make uids unique: the second sample with the same uid gets `uid#2`, in the given order.

    Published files sometimes repeat an id. A question with a repeated id still counts as a separate question.
    """
    counts: Counter[str] = Counter()
    renamed = []
    for sample in samples:
        counts[sample.uid] += 1
        number = counts[sample.uid]
        renamed.append(sample if number == 1 else sample.model_copy(update={"uid": f"{sample.uid}#{number}"}))
    return renamed
