"""The cost model against sums computed by hand."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from lmms_vg.reproduce import cost
from lmms_vg.reproduce.cost import A100, CPU, H100, IMAGES, Constants
from lmms_vg.tasks.registry import TASKS

# A model of 10 billion parameters: 2 * 1e10 * 576 / 1.248e14, 2 * 1e10 * 60 / 1.248e14, 4 * 2 * 1e10 / 1.2e12.
IMAGE, TEXT, DECODING = 0.0923077, 0.00961538, 0.0666667


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("plain", 3 * IMAGE + 7 * (TEXT + DECODING)),  # .8109
        ("vgrefine", 1.06 * (3 * IMAGE + 7 * (TEXT + DECODING))),
        ("pai", 3 * IMAGE + 7 * (TEXT + DECODING)),
        ("adaptvis", 3 * IMAGE + 7 * (2 * TEXT + DECODING)),
        ("vicrop", 3 * IMAGE + 7 * (2 * TEXT + DECODING) + 7 * 2 * IMAGE),
    ],
)
def test_seconds_by_hand(method: str, expected: float) -> None:
    assert Constants.modelled(10).seconds(method, questions=7, images=3) == pytest.approx(expected, rel=1e-5)


def test_seconds_of_a_table_by_hand() -> None:
    """VQA-RAD's 1,297 questions about 300 images, 7.9 billion parameters: 300 * 72.92 ms + 1,297 * (7.60 + 52.67) ms."""
    assert Constants.modelled(7.9).seconds("plain", 1297, IMAGES["vqa_rad_closed"]) == pytest.approx(100.0, abs=0.1)


def test_the_statement_has_the_numbers_of_the_formula() -> None:
    assert (A100.flops * cost.OF_FLOPS, A100.bandwidth * cost.OF_BANDWIDTH) == pytest.approx((1.248e14, 1.2e12))
    for text in ("312 TFLOP/s x .4", "2.0 TB/s x .6", "2 P N", f"{cost.IMAGE_TOKENS} for", f"2 P {cost.TEXT_TOKENS}"):
        assert text in cost.STATED
    assert f"D = {cost.NEW_TOKENS} x 2 P / B" in cost.STATED
    assert "**Modelled**" in cost.STATED


def test_another_card_by_hand() -> None:
    """10 billion parameters on an H100: 2 * 1e10 * 576 / 3.956e14, 2 * 1e10 * 60 / 3.956e14, 4 * 2 * 1e10 / 2.01e12."""
    assert Constants.modelled(10, H100) == pytest.approx((0.0291203, 0.00303337, 0.039801), rel=1e-5)


def test_a_further_question_costs_its_text_and_its_tokens() -> None:
    one, two = (CPU.seconds("plain", questions, images=1) for questions in (1, 2))
    assert two - one == pytest.approx(CPU.question) == pytest.approx(0.55)


def test_spoken_times() -> None:
    assert doctest.testmod(cost).failed == 0
    assert doctest.testmod(cost).attempted


@pytest.mark.parametrize("task", ["vqa_rad_closed", "vqa_rad_open"])
def test_images_are_as_counted_in_the_data(
    task: str, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vqa_rad").symlink_to(shared_data / "vqa_rad")
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path))
    assert len({sample.images[0] for sample in TASKS[task].load()}) == IMAGES[task]
