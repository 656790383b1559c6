"""What questions of a journal share, so that intervals draw it as a whole and swaps never exchange maps within it."""

from __future__ import annotations

from collections.abc import Sequence

from lmms_vg.journal import Record


def units_of_records(records: Sequence[Record]) -> list[str]:
    """Return the patient, or volume, of each record's image, or the image where none is known.

    A patient that one record names holds for all records of that image, also for those that an older version wrote.
    """
    patients = {record.image: record.unit for record in records if record.patient}
    return [patients.get(record.image, record.image) for record in records]
