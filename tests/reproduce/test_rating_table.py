"""Table R.6 beside one's own ratings."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from lmms_vg.cli.main import main
from lmms_vg.paper.published import table
from lmms_vg.reproduce.rating_table import rating_table
from lmms_vg.vgmed.rated_questions import RatedQuestion, write_rated
from lmms_vg.vgmed.rubric import SCALES


def question(uid: str, kind: str, *scores: tuple[int, int, int], dropped: bool = False) -> RatedQuestion:
    given = {f"rater {number}": each for number, each in enumerate(scores)}
    return RatedQuestion(uid=uid, kind=kind, scores=given, repeats={}, reasons=["low"] if dropped else [])


def test_printed_rows_are_of_our_scales_and_sum_to_a_hundred() -> None:
    printed = table("R.6")
    titles = {f"{kind}, {scale.title.lower()}" for kind in ("Attribute", "Localization") for scale in SCALES}
    assert titles == {*printed.rows}
    for cells in printed.rows.values():
        assert sum(cell for cell in cells if cell is not None) == pytest.approx(Decimal(100), abs=Decimal("0.015"))


def test_ours_stands_beside_the_papers(tmp_path: Path) -> None:
    rated = [
        question("a", "attribute", (5, 4, 3), (4, 4, 3)),
        question("b", "attribute", (5, 5, 3)),
        question("c", "attribute", (2, 5, 5), dropped=True),
    ]
    write_rated(rated, tmp_path / "merged")
    text = "\n".join(rating_table(tmp_path / "merged", tmp_path / "out"))
    assert "| Attribute, clinical relevance | 3.31 / 0.00 | 4.11 / 33.33 | 92.58 / 66.67 | 3 | 2 |" in text
    assert "| Localization, visual grounding | 3.96 / - | 11.79 / - | 84.25 / - | - | - |" in text
    assert "2 of 3 questions are kept, of 2 raters" in text
    csv = (tmp_path / "out" / "tableR6.csv").read_text()
    assert '"Attribute, visual grounding",4,12.18,66.66666666666667,3,2' in csv
    assert '"Localization, visual grounding",4,11.79,,,' in csv


def test_without_ratings_the_command_says_how_to_get_some(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["reproduce", "tableR6"]) == 0
    text = capsys.readouterr().out
    assert "92.58 / -" in text
    assert "lmms-vg vgmed rate page" in text
    assert main(["reproduce", "tableR6", "--ratings", str(tmp_path)]) == 2
    assert "name the folder that lmms-vg vgmed rate merge wrote" in capsys.readouterr().err
