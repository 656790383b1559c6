"""Sentences of gaps, of right answers and of wordings: their numbers by hand, their n, and what they need."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from studies import question, run_named, task_of

from lmms_vg.study import correct_table, gap_table, repeat_table
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.compared_tables import compared
from lmms_vg.study.page.compared_headlines import correct_headlines, gap_headlines, repeat_headlines
from lmms_vg.study.page.finding import normal_p, times
from lmms_vg.study.page.headlines import headlines
from lmms_vg.study.questions import StudyQuestion

NAMES = {("huatuo demo", "plain"): "tiny"}
RNG = np.random.default_rng(8)


def side(task: str, sizes: list[int], log_lead: float, run: object, images: int = 40) -> StudiedTask:
    """40 images of one question; the lead over other images is `log_lead` of small boxes, and that and 1 of large ones."""
    questions = [question(i, task, patches=size, image=f"{task}/{i}") for i, size in enumerate(sizes[:images])]
    lead = np.array([[log_lead + (size == 8)] for size in sizes[:images]]) + RNG.normal(0, 0.002, (images, 1))
    return task_of(np.ones((images, 1)), task, run, questions, AR=1 + lead, JS=lead, placement=lead)  # type: ignore[arg-type]


def pair(images: int = 40) -> list[StudiedTask]:
    run = run_named()
    return [
        side("vgmed_localization", [1] * 30 + [8] * 10, -np.log(2), run, images),
        side("vgmed_coco_localization", [1] * 10 + [8] * 30, 0.0, run, images),
    ]


def test_the_gap_is_said_raw_by_size_and_for_one_distribution_of_sizes() -> None:
    (found,) = gap_headlines(gap_table.chosen_table(pair()).rows, NAMES)
    # Of all boxes: the lead is half as large, and e^.5 smaller for having 20 small boxes more.
    every = np.exp(-np.log(2) + 10 / 40 - 30 / 40)
    assert f"the lead of the box over maps of other images is on medical images {every:.2f} [" in found.text
    assert "with natural boxes counted at the sizes of the medical ones 0.50 [" in found.text
    assert "5-10%: 0.50 [" in found.text
    assert "> 30%: 0.50 [" in found.text
    assert "40 medical questions, 40 images; 40 natural questions, 40 images" in found.text
    assert "30 medical questions, 30 images; 10 natural questions, 10 images" in found.text
    assert "raw, where box size alone makes a gap, AR -1.19 [" in found.text
    assert found.mean == pytest.approx(np.log(2), abs=0.002), "what the paper claims is above 0"
    assert found.p < 0.001
    assert found.enough


def test_without_natural_images_or_with_few_there_is_no_gap_to_judge() -> None:
    assert list(gap_headlines(gap_table.chosen_table(pair()[:1]).rows, NAMES)) == []
    (few,) = gap_headlines(gap_table.chosen_table(pair(images=8)).rows, NAMES)
    assert not few.enough
    assert "(too few for an interval)" in few.text


def test_right_answers_and_grounded_ones() -> None:
    right = [i % 2 == 0 for i in range(60)]
    questions = [question(i, right=good, image=f"i{i}") for i, good in enumerate(right)]
    lead = np.where(right, 0.5, -0.5)[:, None] + RNG.normal(0, 0.6, (60, 1))
    task = task_of(np.ones((60, 1)), questions=questions, AR=1 + lead)
    (found,) = correct_headlines(correct_table.table([task]).rows, NAMES)
    grounded = lead[:, 0] > 0
    both = int((grounded & np.array(right)).sum())
    assert (
        f"{both} of {grounded.sum()} ({100 * both / grounded.sum():.0f}%) of the answers are right where the box"
        in found.text
    )
    auc = stats.mannwhitneyu(lead[np.array(right), 0], lead[~np.array(right), 0]).statistic / 900
    assert f"is the better one in {100 * auc:.0f}% of pairs" in found.text
    assert "(60 questions, 60 images)" in found.text
    assert found.mean == pytest.approx(auc - 0.5)
    assert list(correct_headlines(correct_table.table([task_of(np.ones((60, 1)))]).rows, NAMES)) == [], (
        "no answers are scored"
    )


def test_wordings_of_one_box() -> None:
    def asked(i: int) -> StudyQuestion:
        return question(i, text=f"wording {i % 2}", boxes=((0.0, 0.0, 1.0, 1.0 + i // 2),), image=f"i{i // 2}")

    placed = np.repeat(np.arange(15.0), 2)[:, None] / 15 + RNG.normal(0, 0.01, (30, 1))
    task = task_of(np.ones((30, 1)), questions=[asked(i) for i in range(30)], placement=placed)
    (said,) = repeat_headlines(repeat_table.table([task]).rows, NAMES)
    assert "100% [" in said.text
    assert "15 boxes, 30 questions, 15 images" in said.text
    assert list(repeat_headlines(repeat_table.table([task_of(np.ones((30, 1)))]).rows, NAMES)) == []


def test_all_are_on_the_page_and_judged_together() -> None:
    tasks = pair()
    said = headlines(tasks, compared(tasks))
    words = {one.text.partition(": ")[0]: one.word for one in said}
    gap = next(one for one in said if "against vgmed_coco_localization" in one.text)
    assert gap.word == "shown"
    assert len(words) >= 2


def test_rows_of_runs_that_are_not_shown_make_no_sentence() -> None:
    rows = gap_table.chosen_table(pair()).rows
    control = [{**row, "method": "plain@box_filled"} for row in rows]
    (found,) = gap_headlines([*rows, *control], NAMES)
    assert found == next(gap_headlines(rows, NAMES)), "the control is in the table alone"


def test_a_p_value_of_an_interval_is_that_of_its_width() -> None:
    assert normal_p(1.96, 1.96 - 1.96, 1.96 + 1.96) == pytest.approx(0.05, abs=1e-3)
    assert normal_p(-0.5, 0.5, 0.5) == 0
    assert normal_p(0.5, np.nan, np.nan) == 1
    assert times(np.log(0.5), np.log(0.25), np.log(1)) == "0.50 [0.25, 1.00] times"
    assert times(np.log(1.01), np.log(0.999), np.log(1.02)) == "1.010 [0.999, 1.020] times"
