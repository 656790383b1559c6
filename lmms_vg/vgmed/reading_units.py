"""Sources are read in units, in any order and by any process: an image with its masks, a volume, or an image of a COCO file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ValidationError

from lmms_vg import __version__
from lmms_vg.vgmed import coco_json, pictures, volumes
from lmms_vg.vgmed.coco_json import CocoUnit
from lmms_vg.vgmed.files import ImageFiles, find
from lmms_vg.vgmed.frame_items import FrameItems, frame_items
from lmms_vg.vgmed.frames import Frame, Tally
from lmms_vg.vgmed.manifest import SourceManifest
from lmms_vg.vision.nifti import is_nifti


class ReadingUnit(NamedTuple):
    """Files that are read together, and the number of their source."""

    source: int
    files: ImageFiles | CocoUnit

    @property
    def is_volume(self) -> bool:
        """Whether it takes seconds to read, and much memory."""
        return isinstance(self.files, ImageFiles) and is_nifti(self.files.image)


class UnitRead(BaseModel):
    """The result of reading a unit.

    Attributes:
        source: number of its source.
        state: of all that it was made of; while that stays, so does the rest.
        frames: in order.
        dropped: reason -> number, of what was lost before there was a frame.
        said: what people should look at, as `Tally.said`.
    """

    source: int
    state: str
    frames: list[FrameItems]
    dropped: dict[str, int]
    said: list[tuple[str, str]]


def units_of(number: int, manifest: SourceManifest, folder: Path, tally: Tally) -> list[ReadingUnit]:
    """Return the units of a source in the order of their paths; what belongs to none is in the tally.

    Raises:
        DataError: nothing of it can be read.
    """
    if manifest.annotations:
        return [ReadingUnit(number, unit) for unit in coco_json.units(folder, manifest, tally)]
    images, left_over = find(folder, manifest)
    for text in left_over:
        tally.say(text)
    return [ReadingUnit(number, files) for files in images]


@dataclass(frozen=True)
class UnitReader:
    """Reads units.

    Attributes:
        sources: manifest and folder of each.
        out: the data set's folder; images are written to it.
        allow_burned_in: read DICOM files that state that text is burned into their pixels.
    """

    sources: list[tuple[SourceManifest, Path]]
    out: Path
    allow_burned_in: bool

    def __call__(self, unit: ReadingUnit) -> bytes:
        """Read a unit, as a line that holds a `UnitRead`. What fails is in it."""
        manifest, folder = self.sources[unit.source]
        tally, state, read = Tally(), self._state(unit), []
        for frame in self._frames(unit, manifest, folder, tally):
            with tally.skipping("image cannot be used", str(folder / frame.origin)):
                read.append(frame_items(frame, manifest, self.out))
        result = UnitRead(source=unit.source, state=state, frames=read, dropped=tally.dropped, said=tally.said)
        return result.model_dump_json().encode() + b"\n"

    def holds(self, line: bytes, unit: ReadingUnit) -> bool:
        """Return whether a line is what reading the unit would give, with its images in place."""
        try:
            read = UnitRead.model_validate_json(line)
        except ValidationError:  # cut off, or of another version
            return False
        images = {item.image for frame in read.frames for item in frame.items}
        return read.state == self._state(unit) and all((self.out / image).is_file() for image in images)

    def _frames(self, unit: ReadingUnit, manifest: SourceManifest, folder: Path, tally: Tally) -> Iterator[Frame]:
        if isinstance(unit.files, CocoUnit):
            return coco_json.frames(folder, unit.files, manifest, tally)
        if unit.is_volume:
            return volumes.frames(folder, unit.files, manifest, tally)
        return pictures.frames(folder, unit.files, manifest, tally, allow_burned_in=self.allow_burned_in)

    def _state(self, unit: ReadingUnit) -> str:
        """Return a hash of settings, and of the names, sizes and times of files."""
        manifest, folder = self.sources[unit.source]
        digest = hashlib.sha256(f"{__version__} {unit.source} {self.allow_burned_in} {folder}\n".encode())
        digest.update(manifest.model_dump_json().encode())
        if isinstance(unit.files, CocoUnit):
            digest.update(repr(unit.files).encode())
            paths = [f"{manifest.images}/{unit.files.image.file_name}"]
        else:
            paths = [unit.files.image, *(mask.path for mask in unit.files.masks)]
        for path in paths:
            digest.update(f"{path} {_size_and_time(f'{folder}/{path}')}\n".encode())
        return digest.hexdigest()


def _size_and_time(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # it is told when the file is read
        return 0, 0
    return status.st_size, status.st_mtime_ns
