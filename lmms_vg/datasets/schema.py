"""What every source is read into (``Sample``) and what is known about a source beforehand (``DatasetSpec``)."""

from pydantic import BaseModel, ConfigDict


class Sample(BaseModel):
    """One question about one or more images.

    ``images`` are URIs for ``images.open_image``; ``boxes`` are xyxy in pixels of the first image. A row that is broken
    at its source keeps what it has: an empty question, no boxes, NaN where a number was expected. The model's side
    fails on it in the open, so the question is counted instead of disappearing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    uid: str
    images: list[str]
    question: str
    answer: str = ""
    options: list[str] = []
    answer_type: str = ""
    modality: str = ""
    subset: str
    split: str
    boxes: list[list[float]] = []
    licence: str
    source: str


class DatasetSpec(BaseModel):
    """A source. ``files``: file -> its approximate size in words; ``counts``: part -> its number of questions.

    ``url`` says where to get what is not on the hub; ``revision`` None is the hub's newest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    hub_id: str | None = None
    url: str = ""
    revision: str | None = None
    licence: str
    files: dict[str, str]
    counts: dict[str, int] = {}
