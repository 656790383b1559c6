"""Drawing sources or patients in place of images."""

from __future__ import annotations

from pathlib import Path

import pytest
from saved_run import closed, save

from lmms_vg.runs.compare import compare
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run


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
