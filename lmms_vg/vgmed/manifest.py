"""The YAML manifest of a source: where its images and masks lie, what the masks mean, and on what terms they may be used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lmms_vg._util.field_errors import said
from lmms_vg._util.suggest import suggest
from lmms_vg.datasets.source import DataError
from lmms_vg.vgmed.schema import Identifier, Name
from lmms_vg.vision.dicom import is_dicom
from lmms_vg.vision.windows import WINDOWS, GreyWindow, window_of

PERCENTILES = "percentiles"

#: Body part -> window (of `vision.windows`) of CT volumes whose manifest states none; all other body parts have soft tissue.
CT_WINDOWS = {"Thorax": "lung"}

_Share = Annotated[float, Field(ge=0, le=1)]
_Window = str | int | list[float] | None


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _checked_window(value: _Window) -> _Window:
    if value != PERCENTILES:
        window_of(value)
    return value


class LabelRule(_Section):
    """The meaning of a value of a label map, or of a label in a file's name.

    Attributes:
        name: label in words; empty leaves it out on purpose.
        body_part: where it differs from the manifest's.
        window: where it differs from the manifest's.
    """

    name: Annotated[str, Field(max_length=200)]
    body_part: str = ""
    window: _Window = None

    _window = field_validator("window")(_checked_window)


class Filters(_Section):
    """Conditions for a mask to become an item. Shares are of the image's area.

    Attributes:
        components: "all" gives every connected component of a mask a box, "largest" only the largest one, "whole" puts one box
            around a mask, however many components it has. Pixels that touch at a corner are connected.
        min_area: smallest share of a component's pixels; smaller ones are dropped.
        max_share: largest share that the boxes of an item may cover together.
        min_patches: fewest patches that they touch, on a grid of 24 x 24.
        min_fill: smallest part of the boxes that the mask fills.
    """

    components: Literal["all", "largest", "whole"] = "all"
    min_area: _Share = 0.001
    max_share: _Share = 0.6
    min_patches: Annotated[int, Field(ge=1, le=576)] = 2
    min_fill: _Share = 0.0


class SourceManifest(_Section):
    """One source.

    Attributes:
        name: of the source; becomes part of every id.
        modality: such as CT, MR, X-ray, Ultrasound, Fundus, Endoscopy, Dermoscopy, PET or Photo.
        body_part: such as Abdomen.
        licence: in words; it goes along with every item.
        address: where the source is published.
        redistribution: whether the licence allows to pass the images on.
        exhaustive: whether all labels of the source are masked wherever they are seen. Only then is a label without a mask not
            on the image, and can be asked about as absent.
        root: folder of images and masks, relative to the manifest's.
        images: path of an image in the folder, with `{image}` for what differs: `images/{image}.png`. NIfTI and DICOM by
            suffix.
        masks: path of a mask, with the same `{image}`. With `{label}` every file is one mask of that label, and `{number}`
            tells apart several; without, every file is a label map, whose values `labels` explains.
        annotations: a COCO JSON file, in place of `masks`; `images` may then be a folder.
        labels: value, or label in file names or categories -> label in words, or `LabelRule`. Needed for label maps; where it
            is given, other labels are reported and left out.
        patient: regular expression with one group, searched in the image's path: the patient's or volume's id. Without it every
            image file, or volume, counts as a patient.
        orientation: of pictures: how they lie, in words. Of volumes whose header does not say: the directions of the axes, such
            as RAS.
        window: of volumes and DICOM: a name (lung, soft tissue, bone, brain), [centre, width], or percentiles (0.5 to 99.5 of
            the whole volume); of DICOM also the number of one of the file's own. Default: of CT volumes by body part, of other
            volumes percentiles, of DICOM the file's first.
        planes: of volumes.
        slices: of volumes: "largest" (the slice where a label has most pixels), "every:N" or "all" slices that show it.
        filters: which masks become items.
    """

    name: Identifier
    modality: Name
    body_part: Name
    licence: Name
    address: str = ""
    redistribution: bool | None = None
    exhaustive: bool = False
    root: str = "."
    images: Name
    masks: str = ""
    annotations: str = ""
    labels: dict[str | int, LabelRule] = {}
    patient: str = ""
    orientation: str = ""
    window: _Window = None
    planes: Annotated[list[Literal["axial", "coronal", "sagittal"]], Field(min_length=1)] = ["axial"]
    slices: Annotated[str, Field(pattern=r"^(largest|all|every:[1-9][0-9]*)$")] = "largest"
    filters: Filters = Filters()

    _window = field_validator("window")(_checked_window)

    @field_validator("labels", mode="before")
    @classmethod
    def _rules(cls, labels: Any) -> Any:
        """A label in words is short for a rule with this name; nothing (`null`) leaves the label out."""
        if not isinstance(labels, dict):
            return labels
        return {key: {"name": rule or ""} if isinstance(rule, str | None) else rule for key, rule in labels.items()}

    @model_validator(mode="after")
    def _complete(self) -> SourceManifest:
        if bool(self.masks) == bool(self.annotations):
            raise ValueError("state either masks or annotations (a COCO JSON file)")
        for field, pattern in (("images", self.images), ("masks", self.masks)):
            if not self.annotations and pattern.count("{image}") != 1:
                raise ValueError(f"{field}: {pattern!r}: it needs {{image}} once, for what differs between images")
        if is_dicom(self.masks):
            raise ValueError(
                f"masks: {self.masks!r}: segmentations in DICOM (DICOM-SEG) are not read; convert them to NIfTI, as dcmqi's "
                "segimage2itkimage does, or to PNG"
            )
        if self.masks and "{label}" not in self.masks and not self.labels:
            raise ValueError("labels: needed, since masks has no {label}: value of the label map -> label in words")
        if self.patient:
            _check_expression(self.patient)
        return self

    def rule(self, label: str | int) -> LabelRule | None:
        """Return the meaning of a label; None if the manifest does not state it."""
        if self.labels:
            return self.labels.get(label)
        return LabelRule(name=str(label).replace("_", " ").strip())

    def window_stated(self, rule: LabelRule) -> GreyWindow | int | None:
        """Return the window that is stated for a label; None if none or percentiles are."""
        stated = rule.window if rule.window is not None else self.window
        return None if stated == PERCENTILES else window_of(stated)

    def volume_window(self, rule: LabelRule) -> GreyWindow | None:
        """Return the window of a label in a volume, by default that of the body part; None for percentiles of the volume.

        Raises:
            DataError: the manifest states the number of a window, which only DICOM files have.
        """
        window = self.window_stated(rule)
        if isinstance(window, int):
            raise DataError(
                f"window {window}: the number of a window is allowed for DICOM only; volumes have none of their own"
            )
        if window is None and self.modality == "CT" and PERCENTILES not in (rule.window, self.window):
            return WINDOWS[CT_WINDOWS.get(rule.body_part or self.body_part, "soft tissue")]
        return window


def _check_expression(text: str) -> None:
    import re

    try:
        groups = re.compile(text).groups
    except re.error as problem:
        raise ValueError(f"patient: {text!r} is no regular expression ({problem})") from None
    if groups != 1:
        raise ValueError(f"patient: {text!r} has {groups} groups; allowed is one, such as ^(amos_[0-9]+)")


class _SingleKeyLoader(yaml.SafeLoader):  # type: ignore[misc] # yaml has no types
    """Refuses a key that stands twice, of which YAML's loader would take the last without a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, (key, (place, _)) in enumerate(zip(keys, node.value, strict=True)):
            if key in keys[:number]:
                raise yaml.MarkedYAMLError(problem=f"{key!r} stands twice; give it once", problem_mark=place.start_mark)
        return dict(super().construct_mapping(node, deep))


def load_manifest(path: Path) -> tuple[SourceManifest, Path]:
    """Read a manifest; returns it with the folder that it speaks of.

    Raises:
        DataError: it is no YAML, a field is missing, unknown or wrong, or its folder does not exist.
        OSError: the file cannot be read.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _SingleKeyLoader)  # noqa: S506 - it derives from SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise DataError(f"{path}: not YAML ({' '.join(str(problem).split())})") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: allowed is a mapping of the fields {', '.join(SourceManifest.model_fields)}")
    try:
        manifest = SourceManifest.model_validate(content)
    except ValidationError as problem:
        raise DataError(f"{path}: {'; '.join(map(_words, problem.errors(include_url=False)))}") from None
    folder = path.parent / manifest.root
    if not folder.is_dir():
        raise DataError(f"{path}: root: there is no folder {folder}")
    return manifest, folder


def _words(error: Any) -> str:
    place = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        known = Filters if error["loc"][0] == "filters" else SourceManifest
        names = ", ".join(known.model_fields)
        return (
            f"{place}: there is no such field; {suggest(str(error['loc'][-1]), known.model_fields)}allowed is {names}"
        )
    value = "" if error["type"] == "missing" or not place else f"; it is {str(error['input'])[:80]!r}"
    return f"{place}: {said(error)}{value}".removeprefix(": ")
