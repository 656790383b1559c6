"""What every source is read into (``Sample``) and what is known about a source beforehand (``DatasetSpec``)."""

import re
from collections import Counter

from pydantic import BaseModel, ConfigDict

MARK = re.compile(r"<image (\d+)>")
"""Where an image belongs, counted from 1, in ``Sample.question`` and ``Sample.options``."""


class Sample(BaseModel):
    """One question about one or more images.

    ``images`` are URIs for ``images.open_image``; ``boxes`` are xyxy in pixels of the first image. ``options`` are the
    texts of a multiple-choice question without their letters, and its ``answer`` is then the letter of the right one
    ("A" is the first); otherwise ``answer`` is the reference text. Marks ``<image 1>``, ``<image 2>`` in ``question``
    or ``options`` say where the images belong; without any, images come first. ``answer_type`` is CLOSED, OPEN or
    CHOICE where a source says or implies it. ``modality``, ``organ``, ``content_type`` and ``question_type`` are
    what results are broken down by, in the source's own words, empty where it has none.

    A row that is broken at its source keeps what it has: an empty question or answer, no boxes, NaN where a number was
    expected. The model's side or the scoring fails on it in the open, so the question is counted instead of
    disappearing.
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
    subset: str
    split: str
    boxes: list[list[float]] = []
    licence: str
    source: str


class DatasetSpec(BaseModel):
    """A source. ``files``: file or pattern -> its approximate size in words; ``counts``: part -> its number of questions.

    ``hub_id`` names the hub repository that holds the files; ``urls`` says where to get those that are not on the hub;
    ``revision`` None is the hub's newest. ``homepage`` is where a person reads about it.
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
        """Where it comes from, for people."""
        return f"https://huggingface.co/datasets/{self.hub_id}" if self.hub_id else self.homepage


def distinct(samples: list[Sample]) -> list[Sample]:
    """The samples with uids of their own: the second of the same uid becomes ``uid#2``, in the given order.

    Ids of published files repeat now and then. A repeated id is still a question of its own, and it counts.
    """
    seen: Counter[str] = Counter()
    made = []
    for sample in samples:
        seen[sample.uid] += 1
        times = seen[sample.uid]
        made.append(sample if times == 1 else sample.model_copy(update={"uid": f"{sample.uid}#{times}"}))
    return made
