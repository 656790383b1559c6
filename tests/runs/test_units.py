"""Drawing sources or patients in place of images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from saved_run import closed, save

from lmms_vg.runs.compare import compare
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.report import report
from lmms_vg.runs.results import Run
from lmms_vg.runs.units import drawn_as, plural, units_of


def run(folder: Path, right: int, **units: str) -> Run:
    """36 questions on as many images, of 12 sources and 18 patients."""
    lines = []
    for number in range(36):
        line = closed(f"q{number}", int(number < right), f"omnimedvqa:{number}.png")
        stated = {name: f"{name}{number // int(each)}" for name, each in units.items()}
        lines.append(line | {"acc": line["acc"] | ({"units": stated} if stated else {})})
    return read_run(save(folder, {"t": lines}))


def test_whole_sources_and_patients_change_their_signs(tmp_path: Path) -> None:
    runs = [run(tmp_path / str(right), right, subset="3", patient="2") for right in (0, 18)]
    images = {unit: compare(runs, unit=unit).lines[1].against for unit in ("image", "patient", "source")}
    assert [against.difference.images for against in images.values() if against] == [18, 9, 6]
    assert [against.difference.p for against in images.values() if against] == pytest.approx(
        [2 / 2**18, 2 / 2**9, 2 / 2**6]
    )
    comparison = compare(runs, unit="source")
    assert "whole sources" in comparison.table()
    assert any(rule.startswith("bootstrap|unit:source|") for rule in comparison.rules)


def test_units_that_are_not_known_are_refused(tmp_path: Path) -> None:
    runs = [run(tmp_path / str(right), right) for right in (0, 18)]
    with pytest.raises(ValueError, match=r"--unit patient: t: 36 of 36 questions state no patient.*--unit image"):
        compare(runs, unit="patient")
    with pytest.raises(ValueError, match=r"--unit source: t: 36 of 36 .*run the same command again"):
        compare(runs, unit="source")
    with pytest.raises(ValueError, match=r"--unit images: did you mean image\?.*allowed is image, patient, source"):
        compare(runs, unit="images")  # type: ignore[arg-type]


def own(folder: Path, right: int, **units: str) -> Run:
    """Own questions, 36 on as many images of 12 patients, as a run of them saves them: the patient takes the image's place."""
    lines = []
    for number in range(36):
        patient = {"patient": f"P{number // 3}"} if units.get("patient") != "no" else {}
        image = f"own:mine/patient P{number // 3}" if patient else f"own:mine/{number}.png"
        line = closed(f"mine.jsonl/{number}", int(number < right), image)
        lines.append(line | {"acc": line["acc"] | ({"units": patient} if patient else {})})
    return read_run(save(folder, {"own_mine_closed": lines}))


def test_patients_are_named_where_they_are_what_is_drawn(tmp_path: Path) -> None:
    """Own questions with patients are drawn by patient under either unit, and no text calls them images."""
    runs = [own(tmp_path / str(right), right) for right in (0, 15)]
    by_image, by_patient = (compare(runs, unit=unit) for unit in ("image", "patient"))
    assert by_image.unit == by_patient.unit == "patient"
    lines = [comparison.lines[1].against for comparison in (by_image, by_patient)]
    assert [against.difference.images for against in lines if against] == [5, 5]
    for comparison in (by_image, by_patient):
        text = comparison.table()
        assert "sign flips of whole patients" in text
        assert "| too few patients |" in text
        assert "images" not in text.replace("of other images", "")
        assert any(rule.startswith("bootstrap|unit:patient|") for rule in comparison.rules)
    text = report(runs[1])
    assert "bootstrap|unit:patient|" in text
    assert "bootstrap|unit:image|" not in text


def test_patients_of_some_questions_only_are_named_beside_images(tmp_path: Path) -> None:
    mixed = own(tmp_path, 3).tasks["own_mine_closed"]
    del mixed.units["mine.jsonl/0"]
    assert drawn_as([mixed], "image") == "image or patient"
    assert plural(drawn_as([mixed], "image")) == "images or patients"


def test_own_questions_without_patients_say_how_to_state_them(tmp_path: Path) -> None:
    runs = [own(tmp_path / str(right), right, patient="no") for right in (0, 18)]
    with pytest.raises(
        ValueError, match=r"--unit patient: own_mine_closed: 36 of 36 .*add the key `patient` to every row"
    ):
        compare(runs, unit="patient")
    with pytest.raises(ValueError, match=r"own questions have no sources: take --unit patient"):
        compare(runs, unit="source")


def test_patients_of_two_files_are_not_taken_for_one(tmp_path: Path) -> None:
    task = own(tmp_path, 3).tasks["own_mine_closed"]
    other = replace(task, images={uid: image.replace("mine", "theirs") for uid, image in task.images.items()})
    assert not {*units_of(task, "patient").values()} & {*units_of(other, "patient").values()}
