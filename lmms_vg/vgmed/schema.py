"""The folder of a built data set: `dataset.json`, and a line per item and per question.

    dataset.json     `DatasetCard`: name, hash, counts, settings, sources with their licences
    items.jsonl      `Item`: one label on one image, with its boxes and its mask
    questions.jsonl  `BoxQuestion`: one question about an item
    images/          the images, 8-bit PNG, named by `Item.image`

Boxes are xyxy in whole pixels of the stored image, with x2 and y2 exclusive. Every model forbids unknown fields.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, field_validator, model_validator

from lmms_vg.datasets.mask_boxes import covered
from lmms_vg.datasets.source import safe_path

SCHEMA_VERSION: Literal[1] = 1

Kind = Literal["localization", "attribute"]
Plane = Literal["", "axial", "coronal", "sagittal"]
Pixel = Annotated[int, Strict(), Field(ge=0)]
Count = Annotated[int, Strict(), Field(ge=0)]
Box = tuple[Pixel, Pixel, Pixel, Pixel]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,150}$")]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CocoRle(_Row):
    """A mask in COCO's compressed run lengths, as pycocotools reads and writes them.

    Attributes:
        size: height and width of the mask.
        counts: the run lengths, column by column from the top left.
    """

    size: tuple[Pixel, Pixel]
    counts: str


class Item(_Row):
    """One label on one image.

    Attributes:
        id: unique; the same input gives the same id.
        image: file of the image, relative to the data set's folder.
        image_hash: SHA-256 of size and pixels, as `vision.images.Picture.hash`.
        width: of the image, in pixels.
        height: of the image, in pixels.
        source: name of the source in `DatasetCard.sources`.
        origin: file in the source's folder that the image was made of.
        modality: such as CT.
        body_part: such as Abdomen.
        label: such as left kidney, in words.
        boxes: tight boxes of the mask's components, the largest first; at least one.
        mask: what the boxes are made of: the kept components.
        patient: patient or volume. Items of one patient are not independent: it is the unit of every bootstrap.
        plane: of a slice; empty for an image that is none.
        slice: number of the slice in its volume, from 0; None for an image that is none.
        orientation: how pixels lie: "as stored", or the display rule of the plane.
        window: how grey values became 8 bits: "as stored", or the rule with its numbers.
        shows: all labels that a mask shows on this image, also those of masks that were dropped; sorted.
    """

    id: Identifier
    image: Name
    image_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    width: Annotated[Pixel, Field(ge=1)]
    height: Annotated[Pixel, Field(ge=1)]
    source: Name
    origin: Name
    modality: Name
    body_part: Name
    label: Name
    boxes: Annotated[list[Box], Field(min_length=1)]
    mask: CocoRle
    patient: Name
    plane: Plane = ""
    slice: Count | None = None
    orientation: Name = "as stored"
    window: Name = "as stored"
    shows: list[Name] = []

    @property
    def share(self) -> float:
        """Share of the image that lies in a box, over 0 to 1; where boxes overlap, it counts once."""
        return float(covered(self.boxes, self.height, self.width).mean())

    @field_validator("image", "origin")
    @classmethod
    def _inside(cls, path: str) -> str:
        return safe_path(path)

    @model_validator(mode="after")
    def _fits(self) -> Item:
        for x1, y1, x2, y2 in self.boxes:
            if not (x1 < x2 <= self.width and y1 < y2 <= self.height):
                raise ValueError(
                    f"the box {[x1, y1, x2, y2]} does not lie in the image of {self.width} x {self.height} pixels; allowed is "
                    "x1, y1, x2, y2 with x1 < x2 <= width and y1 < y2 <= height"
                )
        if self.mask.size != (self.height, self.width):
            raise ValueError(
                f"the mask has height and width {list(self.mask.size)}, but the image has {[self.height, self.width]}; they "
                "must be equal"
            )
        return self


class Flag(_Row):
    """A doubt that a check raises about a question. It rejects nothing: people decide.

    Attributes:
        code: of the check, such as position.
        reason: in words, with the words of the question that it is about.
    """

    code: Identifier
    reason: Name


class BoxQuestion(_Row):
    """A question about an item.

    Attributes:
        id: unique; the same input gives the same id.
        item: id of the item.
        kind: "localization" asks whether something is there, "attribute" what it looks like.
        text: the question.
        label: what it asks about; of an absent question not the item's label, but one that the image does not show.
        answer: "yes" or "no" where the masks tell, else None.
        author: who wrote it: a template, a rule, or a model behind an endpoint.
        flags: what the guideline checks say.
    """

    id: Identifier
    item: Identifier
    kind: Kind
    text: Annotated[str, Field(min_length=1, max_length=2_000)]
    label: Name
    answer: Literal["yes", "no"] | None = None
    author: Name
    flags: list[Flag] = []


class SourceCard(_Row):
    """A source of a data set, as its card names it.

    Attributes:
        name: as in `Item.source`.
        licence: as the manifest states it.
        address: where the source is published; empty if the manifest does not say.
        redistribution: whether the licence allows to pass the images on; None if the manifest does not say.
        exhaustive: whether its masks are complete: a label without a mask is not on the image.
        items: number of items kept.
        dropped: filter -> number of masks or items that it dropped.
    """

    name: Name
    licence: Name
    address: str = ""
    redistribution: bool | None = None
    exhaustive: bool = False
    items: Count
    dropped: dict[str, Count] = {}


class DatasetCard(_Row):
    """The content of `dataset.json`.

    Attributes:
        schema_version: of this format.
        name: of the data set.
        hash: SHA-256 of `items.jsonl` and `questions.jsonl`; items name their images by hash, so it stands for all.
        boxes: how boxes are to be read.
        counts: number of items, images, patients and questions of each kind.
        settings: with what the data set was built and asked.
        versions: package -> version.
        sources: in the order of their names.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    name: Name
    hash: str
    boxes: Literal["xyxy, in pixels, x2 and y2 exclusive"] = "xyxy, in pixels, x2 and y2 exclusive"
    counts: dict[str, Count]
    settings: dict[str, Any] = {}
    versions: dict[str, str] = {}
    sources: list[SourceCard]
