"""The modelled gain from dealing whole images, against every way of dealing and against counts made by hand."""

from __future__ import annotations

import random
from itertools import product

import pytest

from benchmarks import ranks
from lmms_vg.reproduce.cost import CPU, Constants

#: An image costs 10 s and a question 1 s.
SIMPLE = Constants(prefix=10, text=0.25, decoding=0.75)


def test_two_ranks_by_hand() -> None:
    """By stride both ranks see both images: 20 + 3 s. By image each has its own: 10 + 3 s."""
    order = ["a", "a", "a", "b", "b", "b"]
    assert ranks.by_stride([order], 2, SIMPLE) == pytest.approx(23)
    assert ranks.by_image([order], 2, SIMPLE) == pytest.approx(13)
    assert ranks.by_image([order], 1, SIMPLE) == pytest.approx(26)


def test_tasks_are_dealt_one_by_one_by_stride_and_together_by_image() -> None:
    """The first question of every task goes to rank 0; an image of both tasks has one prefix."""
    closed, opened = ["a"], ["a", "b", "b"]
    assert ranks.by_stride([closed, opened], 2, SIMPLE) == pytest.approx(2 * 10 + 3)  # a of both tasks, and one b
    assert ranks.by_image([closed, opened], 2, SIMPLE) == pytest.approx(10 + 2)


@pytest.mark.parametrize("seed", range(20))
def test_dealing_is_close_to_the_best_of_all_ways(seed: int) -> None:
    """Longest processing time first is at most 4/3 - 1/(3 ranks) of the best (Graham, 1969)."""
    draw = random.Random(seed)
    sizes, number = [draw.randint(1, 12) for _ in range(7)], draw.choice([2, 3])
    order = [str(image) for image, size in enumerate(sizes) for _ in range(size)]
    costs = [CPU.prefix + size * CPU.question for size in sizes]
    best = min(
        max(sum(cost for cost, owner in zip(costs, way, strict=True) if owner == rank) for rank in range(number))
        for way in product(range(number), repeat=len(sizes))
    )
    dealt = ranks.by_image([order], number, CPU)
    assert best - 1e-9 <= dealt <= (4 / 3 - 1 / (3 * number)) * best + 1e-9


def test_the_paper_has_the_questions_that_its_tables_state() -> None:
    """28,000 of VGMED and 108,895 to answer, of which PMC-VQA's 2,000 and OmniMedVQA's 88,995 have an image of their own."""
    questions, images = ranks.paper()
    assert questions == 28_000 + 108_895
    pooled = {"vqa_rad": 2_246, "slake": 7_033, "pathvqa": 6_719}  # about 300 + 267, 2 x 641 and 839 + 849 images
    assert questions - images == sum(pooled.values()) - (300 + 267 + 2 * 641 + 839 + 849)


def test_hours_are_those_of_the_formula() -> None:
    """7.9 billion parameters on an A100: 72.92 ms per image, 7.60 + 52.67 ms per question."""
    rows = {name: values for name, *values in ranks.hours(questions=36_000, images=36_000)}
    assert rows["7.9 billion, plain, A100-80GB"] == ["1.3", "0.17", "0.021"]
    assert len(rows) == 8


def test_the_marks_are_met_on_real_orders(shared_data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_DATA", str(shared_data))
    for name in ("vqa_rad", "slake"):
        (row,) = (row for row in ranks.speed_ups(ranks.orders(name)) if row[:2] == ("CPU", "8"))
        stride, image = map(float, row[2:4])
        assert stride < 3 < 7.2 <= image


def test_without_data_the_hours_are_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMMS_VG_SHARED_DATA", "/nowhere")
    monkeypatch.setenv("LMMS_VG_DATA", "")  # restored afterwards: the script sets it
    ranks.main([])
    shown = capsys.readouterr().out
    assert "vqa_rad: not here (LMMS_VG_SHARED_DATA=/nowhere)" in shown
    assert "| 34.8 billion, vgrefine, H100-80GB |" in shown
    assert "Modelled, not measured" in shown
