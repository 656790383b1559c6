"""The units of a journal's questions: intervals resample them as a whole, and swaps never exchange maps within one."""

from __future__ import annotations

from collections.abc import Sequence

from lmms_vg.journal import Record
from lmms_vg.runs.units import image_or_patient


def units_of_records(records: Sequence[Record]) -> list[str]:
    """Return the patient, or volume, of each record's image, or the image where none is known.

    A patient that one record names holds for all records of that image, also for those that an older version wrote.
    """
    patients = _patients(records)
    return [patients.get(record.image, record.image) for record in records]


def unit_of_records(records: Sequence[Record]) -> str:
    """Name what `units_of_records` returns: `image`, `patient`, or `image or patient` where some are known."""
    patients = _patients(records)
    return image_or_patient(record.image in patients for record in records)


def _patients(records: Sequence[Record]) -> dict[str, str]:
    return {record.image: record.unit for record in records if record.patient}
