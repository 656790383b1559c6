"""Figure 2: the sources of Table C.2 counted by hand, the questions of the files that are here, and what is missing."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from lmms_vg.cli.main import main
from lmms_vg.paper.sources import SOURCES
from lmms_vg.study.content_report import listed


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "fig2.csv").open(encoding="utf-8")))


def test_sources_are_counted_under_all_that_they_show() -> None:
    found = {(row["axis"], row["category"]): row["n"] for row in listed()}
    assert found["modality", "CT"] == 17 + 2, "17 of CT alone, AMOS and SLAKE"
    assert found["modality", "PET"] == 1
    assert found["body part", "Skin"] == 3
    assert sum(n for (axis, _), n in found.items() if axis == "modality") == len(SOURCES) + 1 + 2


def test_questions_of_the_files_are_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data" / "vgmed"
    folder.mkdir(parents=True)
    asked = [("BUSI/1.png", "Is there a lesion in the image?"), ("BUSI/1.png", "Is a cyst shown in the picture?")]
    asked.append(("KiTS19/2.png", "Is there a left kidney in the image?"))
    lines = [json.dumps({"image": image, "question": question, "bbox": [[0, 0, 5, 5]]}) for image, question in asked]
    (folder / "VGMED_localization.jsonl").write_text("\n".join(lines))
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "data"))
    assert main(["reproduce", "fig2", "-o", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "vgmed_attribute: vgmed: missing VGMED_attribute.jsonl" in shown
    own = {
        (row["axis"], row["category"]): (row["n"], row["images"])
        for row in rows(tmp_path / "out")
        if row["side"] == "medical"
    }
    assert own["modality", "Ultrasound"] == ("2", "1")
    assert own["organ", "left kidney"] == ("1", "1")
    assert own["body part", "Abdomen"] == ("1", "1")
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".md", ".csv", ".png", ".pdf"}


@pytest.mark.slow
def test_phantoms_reproduce_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "fig2", "--data", "demo", "-o", str(tmp_path)]) == 0
    assert "**NOTHING IS REPRODUCED HERE.**" in capsys.readouterr().out
    assert [row["n"] for row in rows(tmp_path) if row["side"] == "phantom"] == ["300"] * 3
