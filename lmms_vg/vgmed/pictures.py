"""Frames of pictures and DICOM files, with masks that are pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from lmms_vg._util.error_codes import BadImage
from lmms_vg.datasets.source import DataError
from lmms_vg.vgmed.files import ImageFiles, MaskFile, patient_of
from lmms_vg.vgmed.frames import Frame, Masks, Tally
from lmms_vg.vgmed.manifest import SourceManifest
from lmms_vg.vgmed.mask_files import present, read_label_map, read_mask
from lmms_vg.vision.dicom import BurnedIn, DicomSlice, is_dicom, read_slice
from lmms_vg.vision.images import open_rgb
from lmms_vg.vision.windows import GreyWindow


def frames(
    folder: Path, files: ImageFiles, manifest: SourceManifest, tally: Tally, *, allow_burned_in: bool = False
) -> Iterator[Frame]:
    """Yield the frame of an image; of DICOM one per window that its labels are seen in. What fails is reported."""
    place = folder / files.image
    patient = patient_of(files.image, manifest.patient)
    if patient is None:
        tally.report("no patient id", f"{place}: patient: {manifest.patient!r} does not match")
        return
    masks: Masks = {}
    empty: set[MaskFile] = set()
    for mask in files.masks:
        with tally.skipping("mask cannot be read", str(folder / mask.path)):
            if not _add(masks, folder, mask, manifest, tally):
                empty.add(mask)
    full = [mask for mask in files.masks if mask not in empty]  # or not read, so that nobody knows
    named = {rule.name for mask in full if mask.label is not None and (rule := manifest.rule(mask.label))}
    if not is_dicom(place):
        with tally.skipping("image cannot be read", str(place)):
            image = open_rgb(place)
            fit = fitting(masks, image.size, str(place), tally)
            shows = frozenset(named | masks.keys())
            yield Frame(files.image, patient, image, fit, shows, orientation=manifest.orientation or "as stored")
        return
    for window, seen in _by_window(masks, manifest).items():
        with tally.skipping("image cannot be read", str(place)):
            picture = _dicom(place, window, allow_burned_in)
            image = Image.fromarray(picture.pixels)
            yield Frame(
                files.image,
                patient,
                image,
                fitting(seen, image.size, str(place), tally),
                frozenset(named | masks.keys()),
                orientation=manifest.orientation or picture.orientation or "as stored",
                window=_window_words(picture.window, window),
            )


def fitting(masks: Masks, size: tuple[int, int], place: str, tally: Tally) -> Masks:
    """Return the masks that have the image's (width, height); the others are reported."""
    kept: Masks = {}
    for label, (rule, instances) in masks.items():
        for mask in instances:
            if mask.shape[::-1] == size:
                kept.setdefault(label, (rule, []))[1].append(mask)
            else:
                height, width = mask.shape
                tally.report(
                    "mask of another size",
                    f"{place}: the image has {size[0]} x {size[1]} pixels, its mask of {label!r} {width} x {height}; they must "
                    "be equal: resample the mask without interpolation, or look for the right one",
                )
    return kept


def _add(masks: Masks, folder: Path, file: MaskFile, manifest: SourceManifest, tally: Tally) -> bool:
    """Add what a file marks; returns whether it marks anything. Many sources have a file for every label on every image."""
    place = folder / file.path
    if file.label is not None:
        rule = tally.rule(manifest, file.label, str(place))
        if rule is None:
            return True
        mask = read_mask(place)
        if mask.any():
            masks.setdefault(rule.name, (rule, []))[1].append(mask)
            return True
    else:
        labels = read_label_map(place)
        values = present(labels)
        for value in values:
            rule = tally.rule(manifest, value, str(place))
            if rule is not None:
                masks.setdefault(rule.name, (rule, []))[1].append(labels == value)
        if values:
            return True
    tally.dropped["empty mask"] += 1
    return False


def _by_window(masks: Masks, manifest: SourceManifest) -> dict[GreyWindow | int | None, Masks]:
    groups: dict[GreyWindow | int | None, Masks] = {}
    for label, (rule, instances) in masks.items():
        groups.setdefault(manifest.window_stated(rule), {})[label] = (rule, instances)
    return groups


def _dicom(place: Path, window: GreyWindow | int | None, allow_burned_in: bool) -> DicomSlice:
    try:
        picture = read_slice(place, window=window, allow_burned_in=allow_burned_in)
    except BurnedIn as problem:
        raise BadImage(f"{problem} with --allow-burned-in") from None
    if picture.tags.get("Modality") == "SEG":
        raise DataError(f"{place}: segmentations (DICOM-SEG), not a picture; name the files of the scan in images")
    number = picture.tags.get("NumberOfFrames", "1")
    if number not in ("", "1"):
        raise DataError(
            f"{place}: {number} frames; allowed is one per file, so that its mask is known; store each frame as a "
            "file of its own, or the whole as NIfTI, as dcm2niix does"
        )
    return picture


def _window_words(used: GreyWindow | None, stated: GreyWindow | int | None) -> str:
    words = f"centre {used.centre:g}, width {used.width:g}" if used else "the file's own"
    return f"{words} (the file's number {stated})" if isinstance(stated, int) else words
