"""What is drawn as a whole: the patient, or the image where none is known."""

from __future__ import annotations

from journals import record

from lmms_vg.runs.record_units import units_of_records


def test_a_patient_holds_for_all_records_of_an_image() -> None:
    """Also for those of an older version, which did not write it down."""
    records = [
        record("a", image="x", patient="own/patient 7"),
        record("b", image="y", patient="own/patient 7"),
        record("c", image="x"),
        record("d", image="z"),
    ]
    assert units_of_records(records) == ["own/patient 7"] * 3 + ["z"]
    assert [one.unit for one in records] == ["own/patient 7", "own/patient 7", "x", "z"]
