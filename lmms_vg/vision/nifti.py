"""Read NIfTI volumes in the patient's own directions, and show slices as a radiologist expects them.

Which way a volume lies in its file is stated by its affine, and differs from file to file. A volume is therefore turned until
its axes go to the patient's right, front and head (RAS), each volume by its own affine, so that an image and its mask meet
however each of them is stored. Values are never resampled: a volume that is tilted against these directions is refused.

Slices are shown as is usual: `axial` from below (top: front; left: the patient's right), `coronal` from the front (top: head;
left: the patient's right), `sagittal` from the side (top: head; left: front). They are counted from 0, from foot to head, from
back to front, and from the patient's left to right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lmms_vg._util.error_codes import BadImage

Plane = Literal["axial", "coronal", "sagittal"]

#: Plane -> the axis (of right, front, head) that its slices are counted along.
PLANES: dict[Plane, int] = {"sagittal": 0, "coronal": 1, "axial": 2}

SUFFIXES = (".nii", ".nii.gz")

#: Degrees between a volume's axes and the patient's directions up to which its slices are still called by a plane's name.
MOST_OBLIQUE = 5.0

#: Most voxels of a volume; each takes 4 bytes.
MOST_VOXELS = 500_000_000

_INSTALL = 'reading NIfTI needs nibabel: pip install "lmms-vg[nifti]"'


@dataclass(frozen=True)
class Volume:
    """A volume whose axes go to the patient's right, front and head.

    Attributes:
        name: the file's name, for messages.
        values: (right, front, head), as float32, with the file's scale and offset applied.
        affine: (4, 4), voxel -> millimetres.
        stored: the directions of the axes in the file, such as "LAS".
    """

    name: str
    values: NDArray[np.float32]
    affine: NDArray[np.float64]
    stored: str

    def slices(self, plane: Plane) -> int:
        """Return the number of slices of a plane."""
        return int(self.values.shape[PLANES[plane]])

    def slice(self, plane: Plane, index: int) -> NDArray[np.float32]:
        """Return one slice as it is shown, (rows, columns).

        Raises:
            BadImage: there is no such slice or plane.
        """
        if plane not in PLANES:
            raise BadImage(f"{self.name}: plane {plane!r}: allowed is {', '.join(PLANES)}")
        if type(index) is not int or not 0 <= index < self.slices(plane):
            raise BadImage(f"{self.name}: slice {index!r}: its {plane} slices are 0 to {self.slices(plane) - 1}")
        # np.take would copy the whole volume to C order first.
        across, up = np.moveaxis(self.values, PLANES[plane], 0)[index], slice(None, None, -1)
        # Rows go down from head or front; columns go to the patient's left, in sagittal slices to the back.
        shown: NDArray[np.float32] = across.T[up, up]
        return shown


def is_nifti(path: Path | str) -> bool:
    """Return whether a file is NIfTI by its name."""
    return str(path).lower().endswith(SUFFIXES)


def read_volume(path: Path, orientation: str | None = None) -> Volume:
    """Read a volume and turn it to right, front, head.

    Args:
        path: a `.nii` or `.nii.gz` file with three axes.
        orientation: the directions that its stored axes go to, such as "LAS". Needed where the file does not state them; where
            it does, they have to be these.

    Raises:
        BadImage: it cannot be read, is no single volume, is too large, tilted by more than 5 degrees, or states no directions,
            contradictory ones or others than `orientation`.
        OSError: there is no such file.
    """
    image = _open(path)
    shape = tuple(int(length) for length in image.shape)
    if len(shape) > 3 and set(shape[3:]) == {1}:
        shape = shape[:3]
    if len(shape) != 3 or 0 in shape:
        raise BadImage(f"{path.name}: its shape is {image.shape}; allowed is one volume of three axes; split it first")
    if math.prod(shape) > MOST_VOXELS:
        raise BadImage(f"{path.name}: {math.prod(shape):,} voxels; at most {MOST_VOXELS:,} are read")
    affine, stored = _directions(path.name, image, orientation)
    values = _values(path.name, image).reshape(shape)
    return _turned(path.name, values, affine, stored)


def require_same_grid(first: Volume, second: Volume) -> None:
    """Check that the voxels of two volumes, such as an image and its mask, lie at the same places, to a tenth of a voxel.

    Raises:
        BadImage: they do not; the message names both.
    """
    size = float(np.sqrt((first.affine[:3, :3] ** 2).sum(axis=0)).min())
    corners = np.array([[0, 0, 0, 1], [*(length - 1 for length in first.values.shape), 1]], dtype=float).T
    away = float(np.abs(first.affine @ corners - second.affine @ corners).max())
    if first.values.shape != second.values.shape or away > size / 10:
        raise BadImage(
            f"{first.name} {first.values.shape} and {second.name} {second.values.shape} are on different grids (their corners "
            f"are up to {away:.1f} mm apart); resample the mask to the image's grid first"
        )


def _open(path: Path) -> Any:
    try:
        import nibabel  # optional: extra `nifti`
    except ImportError as problem:
        raise BadImage(f"{path.name}: {_INSTALL}") from problem
    if not path.is_file():
        raise FileNotFoundError(2, "No such file", str(path))
    try:
        image = nibabel.load(path)
    except Exception as problem:
        raise BadImage(f"{path.name}: not a NIfTI file, or damaged ({type(problem).__name__})") from problem
    if not isinstance(image, nibabel.Nifti1Image):  # Nifti2Image is a subclass
        raise BadImage(f"{path.name} is {type(image).__name__}; allowed is NIfTI")
    return image


def _values(name: str, image: Any) -> NDArray[np.float32]:
    try:
        values: NDArray[np.float32] = image.get_fdata(dtype=np.float32, caching="unchanged")
    except Exception as problem:
        raise BadImage(f"{name}: its voxels are cut short or damaged ({type(problem).__name__})") from problem
    return values


def _directions(name: str, image: Any, orientation: str | None) -> tuple[NDArray[np.float64], str]:
    """Return the affine and the directions of the stored axes."""
    stated = {what: "".join(map(str, _codes(affine))) for what, affine in _affines(image).items()}
    if len(set(stated.values())) > 1:
        both = " and ".join(f"{what} {letters}" for what, letters in stated.items())
        raise BadImage(f"{name}: its header contradicts itself on how it lies: {both}; correct one of them")
    if not stated:
        if orientation is None:
            raise BadImage(
                f"{name}: its header does not say how the patient lies in it (sform and qform are unset); state the directions "
                'that its axes go to, such as "orientation": "RAS"'
            )
        return _affine_of(name, image, orientation), orientation
    letters = next(iter(stated.values()))
    if orientation not in (None, letters):
        raise BadImage(f"{name}: orientation {orientation!r} is stated, but its header says {letters}")
    _require_straight(name, image.affine)
    return np.asarray(image.affine, dtype=np.float64), letters


def _affines(image: Any) -> dict[str, Any]:
    forms = {"sform": image.get_sform(coded=True), "qform": image.get_qform(coded=True)}
    return {what: affine for what, (affine, code) in forms.items() if code > 0 and affine is not None}


def _affine_of(name: str, image: Any, orientation: str) -> NDArray[np.float64]:
    pairs = ("LR", "PA", "IS")
    if len(orientation) != 3 or any(sum(letter in pair for letter in orientation) != 1 for pair in pairs):
        raise BadImage(f"{name}: orientation {orientation!r}: allowed is one letter of each of L or R, A or P, S or I")
    affine = np.diag([0.0, 0.0, 0.0, 1.0])
    for axis, (letter, size) in enumerate(zip(orientation, image.header.get_zooms()[:3], strict=True)):
        towards = next(row for row, pair in enumerate(pairs) if letter in pair)
        affine[towards, axis] = float(size) * (1 if letter in "RAS" else -1)
    return affine


def _codes(affine: Any) -> tuple[Any, ...]:
    import nibabel

    return tuple(nibabel.aff2axcodes(affine))


def _require_straight(name: str, affine: NDArray[np.float64]) -> None:
    from nibabel.affines import obliquity

    tilt = float(np.degrees(obliquity(affine)).max())
    if not tilt <= MOST_OBLIQUE:
        raise BadImage(
            f"{name}: it is tilted by {tilt:.1f} degrees against the patient's axes, at most {MOST_OBLIQUE:.0f} are allowed; "
            "resample it to straight axes first"
        )


def _turned(name: str, values: NDArray[np.float32], affine: NDArray[np.float64], stored: str) -> Volume:
    from nibabel import orientations

    turn = orientations.io_orientation(affine)
    turned = orientations.apply_orientation(values, turn)
    return Volume(name, turned, affine @ orientations.inv_ornt_aff(turn, values.shape), stored)
