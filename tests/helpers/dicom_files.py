"""DICOM files of a CT slice, with all that says whose it is."""

from __future__ import annotations

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

NAME = "Doe^Jane"
RAMP = np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)  # as stored; in Hounsfield units from -1024


def picture(stored=RAMP, photometric="MONOCHROME2", **tags):
    """A CT slice with names, dates and numbers of a patient."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    data.PatientName, data.PatientID, data.PatientBirthDate = NAME, "4711", "19700101"
    data.InstitutionName, data.Modality, data.BodyPartExamined = "General Hospital", "CT", "CHEST"
    data.Rows, data.Columns = stored.shape[:2] if stored.ndim == 2 or stored.shape[-1] == 3 else stored.shape[1:3]
    data.SamplesPerPixel = 3 if stored.shape[-1] == 3 else 1
    data.PhotometricInterpretation, data.PlanarConfiguration = photometric, 0
    bits = 8 * stored.dtype.itemsize
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, min(bits, 12), min(bits, 12) - 1
    data.PixelRepresentation, data.PixelData = int(stored.dtype.kind == "i"), stored.tobytes()
    if bits == 16:
        data.RescaleSlope, data.RescaleIntercept = 1, -1024
    for name, value in tags.items():
        setattr(data, name, value)
    return data


def save(path, data):
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path
