"""Small sources for `lmms-vg vgmed build`: pictures with masks, volumes, and their manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

#: Filters that keep everything, for tests of something else.
KEEP_ALL = {"min_area": 0, "max_share": 1, "min_patches": 1}


def manifest(path: Path, **changes: Any) -> Path:
    """Write a manifest whose folder is the file's."""
    fields = {
        "name": path.stem,
        "modality": "CT",
        "body_part": "Abdomen",
        "licence": "CC0-1.0",
        "images": "images/{image}.png",
        "masks": "masks/{image}.png",
        "labels": {1: "liver", 2: "spleen"},
        "filters": KEEP_ALL,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in (fields | changes).items() if value is not None}
    path.write_text(yaml.safe_dump(kept))
    return path


def picture(path: Path, pixels: np.ndarray) -> None:
    """Write a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def label_maps(folder: Path, n: int = 3, first: int = 0) -> None:
    """Write n pictures of 40 x 30 with label maps of a liver (1) and a spleen (2); no two pictures are alike."""
    for number in range(first, first + n):
        labels = np.zeros((30, 40), np.uint8)
        labels[5:15, 4 : 20 + number] = 1
        labels[20:26, 25:30] = 2
        picture(folder / "images" / f"p{number}.png", labels * 40 + np.uint8(number))
        picture(folder / "masks" / f"p{number}.png", labels)


def volume(path: Path, values: np.ndarray, affine: np.ndarray) -> None:
    """Write a NIfTI volume."""
    import nibabel

    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, affine), path)


def dicom(path: Path, values: np.ndarray, **tags: Any) -> None:
    """Write a CT slice as DICOM, with the name of a patient; values are in Hounsfield units."""
    from pydicom import dcmwrite
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    data.PatientName, data.PatientID, data.Modality = "Doe^Jane", "4711", "CT"
    data.Rows, data.Columns = values.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
    data.RescaleSlope, data.RescaleIntercept = 1, -1024
    data.PixelData = (values + 1024).astype("<i2").tobytes()
    for name, value in tags.items():
        setattr(data, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, data, enforce_file_format=True)
