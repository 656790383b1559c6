"""Read one picture of a DICOM file as 8-bit pixels, and nothing that says whose it is.

Only the tags of `_READ` are parsed at all. Of these, the pixels and the tags of `TELLS` leave this module: names, dates,
numbers and institutions do not.

Values become pixels in the standard's order: modality (rescale or lookup table), then values of interest (the stated window,
or the file's), then MONOCHROME1 is inverted, so that white is bright. Pixels are shown as they are stored; `orientation` says
which way they lie.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg._util.error_codes import BadImage
from lmms_vg.vision.images import MAX_BYTES
from lmms_vg.vision.windows import GreyWindow, grey, percentile_window

SUFFIXES = (".dcm", ".dicom")

#: The tags that leave, in text.
TELLS = ("Modality", "BodyPartExamined", "PhotometricInterpretation", "NumberOfFrames", "PixelSpacing")

_READ = [
    *TELLS,
    *(
        "BurnedInAnnotation",
        "ImageOrientationPatient",
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
    ),
    *("Rows", "Columns", "SamplesPerPixel", "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "PixelData", "FloatPixelData", "DoubleFloatPixelData"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence"),
    *(f"{colour}PaletteColorLookupTableDescriptor" for colour in ("Red", "Green", "Blue")),
    *(f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")),
]
_GREY = ("MONOCHROME1", "MONOCHROME2")
_INSTALL = 'reading DICOM needs pydicom: pip install "lmms-vg[dicom]"'
_DECODERS = "pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"
_BYTES = 16  # of one pixel while its values are windowed, as float64, beside the stored ones


class BurnedIn(BadImage):
    """Text is burned into the pixels, and reading them was not allowed; who calls says how to allow it."""


class DicomSlice(NamedTuple):
    """One picture of a DICOM file.

    Attributes:
        pixels: (rows, columns) of grey, or (rows, columns, 3) of RGB.
        window: what became black and white; None for colours and lookup tables.
        orientation: where columns and rows go, such as "LP" (to the left and the back); empty if the file does not say.
        tags: those of `TELLS` that the file has.
    """

    pixels: NDArray[np.uint8]
    window: GreyWindow | None
    orientation: str
    tags: dict[str, str]


def is_dicom(path: Path | str) -> bool:
    """Return whether a file is DICOM by its name."""
    return str(path).lower().endswith(SUFFIXES)


def read_slice(
    path: Path, frame: int = 0, window: GreyWindow | int | None = None, *, allow_burned_in: bool = False
) -> DicomSlice:
    """Read one frame.

    Args:
        path: a DICOM file.
        frame: number of the frame, from 0.
        window: a window, or the number (from 0) of one of the file's own; by default its first lookup table or window, or,
            where it has none, the 0.5th to the 99.5th percentile of the frame.
        allow_burned_in: read it although it states that text is burned into its pixels, which may name the patient.

    Raises:
        BurnedIn: it states that text is burned in.
        BadImage: it cannot be read, has no such frame or window, or needs a decoder.
        OSError: there is no such file.
    """
    data = _open(path)
    if str(data.get("BurnedInAnnotation", "")).upper() == "YES" and not allow_burned_in:
        raise BurnedIn(
            f"{path.name}: it states that text is burned into its pixels (BurnedInAnnotation YES), which may name the patient; "
            "look at it, then leave it out, or allow it"
        )
    frames = int(data.get("NumberOfFrames") or 1)
    if type(frame) is not int or not 0 <= frame < frames:
        raise BadImage(f"{path.name}: frame {frame!r}: its frames are 0 to {frames - 1}")
    _lift_groups(data, frame)
    _require_readable(path.name, data)
    try:
        return _slice(data, frame, window)
    except BadImage as problem:
        raise BadImage(f"{path.name}: {problem}") from None
    except Exception as problem:  # noqa: BLE001 - damaged pixels raise all kinds, and their text may quote a tag
        raise BadImage(f"{path.name}: its pixels are cut short or damaged ({type(problem).__name__})") from None


def _open(path: Path) -> Any:
    try:
        import pydicom  # optional: extra `dicom`
    except ImportError as problem:
        raise BadImage(f"{path.name}: {_INSTALL}") from problem
    try:
        return pydicom.dcmread(path, specific_tags=list(_READ))
    except OSError:
        raise
    except Exception as problem:  # noqa: BLE001 - its text may quote a tag, so only its type is said
        raise BadImage(f"{path.name}: not a DICOM file, or damaged ({type(problem).__name__})") from None


def _lift_groups(data: Any, frame: int) -> None:
    """Enhanced files state windows and rescaling per frame, or for all: put them where single pictures have them."""
    groups = [*data.get("SharedFunctionalGroupsSequence", [])[:1]]
    groups += data.get("PerFrameFunctionalGroupsSequence", [])[frame : frame + 1]
    for group in groups:
        for name in ("PixelValueTransformationSequence", "FrameVOILUTSequence", "PlaneOrientationSequence"):
            for item in group.get(name, [])[:1]:
                data.update({element.tag: deepcopy(element) for element in item})


def _require_readable(name: str, data: Any) -> None:
    if not any(what in data for what in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise BadImage(f"{name}: it has no pixels; allowed are DICOM files of pictures")
    size = int(data.get("Rows", 0)) * int(data.get("Columns", 0)) * int(data.get("SamplesPerPixel", 1))
    if not 0 < size * _BYTES <= MAX_BYTES:
        raise BadImage(
            f"{name}: {data.get('Rows')} x {data.get('Columns')} pixels; allowed are 1 to {MAX_BYTES // _BYTES:,} values"
        )
    syntax = getattr(data.file_meta, "TransferSyntaxUID", None)
    if syntax is None or not syntax.is_compressed:
        return
    from pydicom.pixels import get_decoder

    try:
        able = get_decoder(syntax).is_available
    except NotImplementedError:
        able = False
    if not able:
        raise BadImage(f"{name}: nothing here decodes {syntax.name}; install decoders: {_DECODERS}")


def _slice(data: Any, frame: int, window: GreyWindow | int | None) -> DicomSlice:
    from pydicom.pixels import apply_modality_lut, pixel_array

    if data.PhotometricInterpretation not in _GREY:
        return DicomSlice(_colours(data, pixel_array(data, index=frame)), None, _orientation(data), _tags(data))
    values = apply_modality_lut(pixel_array(data, index=frame), data)
    pixels, used = _of_interest(data, values, window)
    if data.PhotometricInterpretation == "MONOCHROME1":
        pixels = 255 - pixels
    return DicomSlice(pixels, used, _orientation(data), _tags(data))


def _colours(data: Any, stored: NDArray[Any]) -> NDArray[np.uint8]:
    """RGB of 8 bits; pydicom has already turned YBR into RGB."""
    from pydicom.pixels import apply_color_lut

    bits = int(data.BitsStored)
    if data.PhotometricInterpretation == "PALETTE COLOR":
        stored = apply_color_lut(stored, data)[..., :3]
        bits = 8 * stored.dtype.itemsize
    if stored.ndim != 3 or stored.shape[2] != 3:
        raise BadImage(f"its pixels are {data.PhotometricInterpretation} of shape {stored.shape}, which is not read")
    return (stored >> max(bits - 8, 0)).astype(np.uint8)


def _of_interest(
    data: Any, values: NDArray[Any], window: GreyWindow | int | None
) -> tuple[NDArray[np.uint8], GreyWindow | None]:
    """Grey by the stated window, or by one of the file's, and that window."""
    if isinstance(window, GreyWindow):
        return grey(values, window), window
    tables = list(data.get("VOILUTSequence") or [])
    centres, widths = (_numbers(data.get(name)) for name in ("WindowCenter", "WindowWidth"))
    windows = [GreyWindow(*pair) for pair in zip(centres, widths, strict=False)]
    own = tables or windows
    if window is not None and window >= len(own):
        raise BadImage(f"window {window}: it has {len(own)} windows of its own, counted from 0")
    if not own:
        used = percentile_window(values)
        return grey(values, used), used
    index = window or 0
    return (_by_table(data, values, index), None) if tables else (_by_file(data, values, index), windows[index])


def _by_table(data: Any, values: NDArray[Any], index: int) -> NDArray[np.uint8]:
    from pydicom.pixels import apply_voi

    whole = values.round().astype(np.int64)
    top = 2 ** int(data.VOILUTSequence[index].LUTDescriptor[2]) - 1
    return _bytes(apply_voi(whole, data, index=index) / top)


def _by_file(data: Any, values: NDArray[Any], index: int) -> NDArray[np.uint8]:
    """Convert values by the window and the function (linear, exact or sigmoid) that the file states, computed by pydicom."""
    from pydicom.pixels import apply_windowing

    far = 1e6 * (1 + float(np.abs(values).max()))  # beyond every window: what becomes black and what becomes white
    with np.errstate(over="ignore"):  # a sigmoid of them
        shown = apply_windowing(np.append(values.astype(np.float64).ravel(), [-far, far]), data, index=index)
    low, high = shown[-2:]
    return _bytes((shown[:-2] - low) / (high - low)).reshape(values.shape)


def _bytes(shares: NDArray[Any]) -> NDArray[np.uint8]:
    shades: NDArray[np.uint8] = (np.clip(shares, 0, 1) * 255).round().astype(np.uint8)
    return shades


def _numbers(value: Any) -> list[float]:
    if value is None or value == "":
        return []
    return [float(number) for number in value] if hasattr(value, "__len__") else [float(value)]


def _orientation(data: Any) -> str:
    """Return the nearest patient directions of columns and rows (DICOM's axes go to left, back and head)."""
    cosines = _numbers(data.get("ImageOrientationPatient"))
    if len(cosines) != 6 or not np.isfinite(cosines).all():
        return ""
    letters = ""
    for direction in (cosines[:3], cosines[3:]):
        axis = int(np.abs(direction).argmax())
        letters += ("LPS" if direction[axis] > 0 else "RAI")[axis]
    return letters


def _tags(data: Any) -> dict[str, str]:
    return {name: str(data[name].value) for name in TELLS if name in data and data[name].value is not None}
