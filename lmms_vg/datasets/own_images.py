"""Images of own questions: pictures, and slices of DICOM and NIfTI files as their rows state them.

An image's URI is `own:NAME/PATH`, where NAME is the file's name among those of `LMMS_VG_OWN`, and PATH is relative to the
file's folder. Where a row states how to show a scan, `#` and these keys follow as JSON.
"""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from lmms_vg._util.error_codes import BadImage, CodedError
from lmms_vg.datasets.own_rows import OwnRow
from lmms_vg.datasets.source import DataError, safe_path
from lmms_vg.vision.dicom import BurnedIn, is_dicom, read_slice
from lmms_vg.vision.images import open_rgb
from lmms_vg.vision.nifti import Volume, is_nifti, read_volume
from lmms_vg.vision.windows import GreyWindow, grey, percentile_window, window_of

#: Files of own questions, joined like a PATH.
OWN_ENV = "LMMS_VG_OWN"

#: Keys that say how a scan is shown.
VIEW = ("frame", "slice", "plane", "window", "orientation", "allow_burned_in")

_OF_DICOM, _OF_NIFTI = {"frame", "window", "allow_burned_in"}, {"slice", "plane", "window", "orientation"}


def own_files() -> dict[str, Path]:
    """Name -> file, of all that `LMMS_VG_OWN` names.

    Raises:
        DataError: a file is not there, or two have the same name.
    """
    named: dict[str, Path] = {}
    for part in filter(None, os.environ.get(OWN_ENV, "").split(os.pathsep)):
        path = Path(part).expanduser()
        if not path.is_file():
            raise DataError(
                f"{OWN_ENV}: {part}: there is no such file; it names JSON-lines files, joined by {os.pathsep!r}"
            )
        name = name_of(path)
        if named.setdefault(name, path).resolve() != path.resolve():
            raise DataError(f"{OWN_ENV}: {named[name]} and {path} would both be own_{name}; rename one of them")
    return named


def use(files: str) -> None:
    """Make these files, joined like a PATH, the own questions of this process and of those that it starts."""
    os.environ[OWN_ENV] = files


def name_of(path: Path) -> str:
    """Return a file's name in task names and URIs: its stem, with `_` for all that is no letter, digit or underscore."""
    return re.sub(r"\W+", "_", path.stem).strip("_") or "file"


def view_of(row: OwnRow) -> dict[str, Any]:
    """Return the keys of a row that state how to show its image, with their values."""
    return {key: value for key in VIEW if (value := getattr(row, key)) not in (None, False)}


def uri_of(name: str, row: OwnRow) -> str:
    """Return the URI of a row's image."""
    view = view_of(row)
    return f"own:{name}/{row.image}" + (f"#{json.dumps(view, sort_keys=True)}" if view else "")


def file_of(uri: str) -> Path:
    """Return the file of an image.

    Raises:
        DataError: `LMMS_VG_OWN` names no file of questions of that name.
    """
    name, _, path = uri.removeprefix("own:").partition("#{")[0].partition("/")
    files = own_files()
    if name not in files:
        raise DataError(f"{uri}: {OWN_ENV} names no file {name}.jsonl; set it as it was when the questions were read")
    return files[name].parent / safe_path(path)


def open_own(uri: str) -> Image.Image:
    """Open an image as RGB, fully decoded.

    Raises:
        DataError: it is not there or cannot be read, or its row says too little or too much of how to show it.
    """
    _, _, view = uri.partition("#{")
    return open_view(file_of(uri), json.loads(f"{{{view}") if view else {})


def open_view(path: Path, view: dict[str, Any]) -> Image.Image:
    """Open a picture, or the slice of a scan that the keys of `VIEW` state.

    Raises:
        DataError: the image is missing or cannot be read, or a key of `VIEW` is not for its format.
    """
    if not os.path.isfile(path):  # Path.is_file() would raise for a name that is too long
        raise DataError(f"{str(path)[:300]}: there is no such image")
    try:
        if is_nifti(path):
            return _nifti(path, **_only(view, _OF_NIFTI, "NIfTI"))
        if _is_dicom(path):
            return _dicom(path, **_only(view, _OF_DICOM, "DICOM"))
        _only(view, set(), "plain pictures")
        return open_rgb(path)
    except CodedError as problem:
        what = str(problem).removeprefix(f"{path.name}: ")  # readers of scans name their file, others do not
        raise DataError(f"{path}: {what}") from problem


def slice_of(volume: Volume, plane: Any, number: Any) -> Any:
    """Return the slice that a row states.

    Raises:
        DataError: the row does not state one.
    """
    if plane is None or number is None:
        raise DataError('a volume needs "plane" (axial, coronal or sagittal) and "slice" (counted from 0)')
    return volume.slice(plane, number)


def _only(view: dict[str, Any], allowed: set[str], what: str) -> dict[str, Any]:
    if extra := sorted(view.keys() - allowed):
        raise DataError(f"{', '.join(extra)} is not used for {what}; allowed is {', '.join(sorted(allowed)) or 'none'}")
    return view


def _nifti(
    path: Path, plane: Any = None, slice: Any = None, window: Any = None, orientation: str | None = None
) -> Image.Image:
    volume, usual = _volume(path, path.stat().st_mtime_ns, orientation)
    stated = window_of(window)
    if isinstance(stated, int):
        raise DataError(f"window {stated}: a NIfTI file has no windows of its own; write [centre, width]")
    return Image.fromarray(grey(slice_of(volume, plane, slice), stated or usual)).convert("RGB")


@lru_cache(maxsize=2)  # rows about one volume follow each other
def _volume(path: Path, _changed: int, orientation: str | None) -> tuple[Volume, GreyWindow]:
    volume = read_volume(path, orientation)
    return volume, percentile_window(volume.values)


def _dicom(path: Path, frame: int = 0, window: Any = None, allow_burned_in: bool = False) -> Image.Image:
    try:
        read = read_slice(path, frame, window_of(window), allow_burned_in=allow_burned_in)
    except BurnedIn as problem:
        raise BadImage(f'{problem} with "allow_burned_in": true') from None
    return Image.fromarray(read.pixels).convert("RGB")


def _is_dicom(path: Path) -> bool:
    """Return whether a file is DICOM, by its suffix or by the magic `DICM` at byte 128."""
    if is_dicom(path):
        return True
    if path.suffix and not path.suffix[1:].isdigit():
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"
