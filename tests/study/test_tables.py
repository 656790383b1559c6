"""Tables of the study against values computed by hand, and on the ends of what may be given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from studies import question, run_named, task_of

from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.runs.layer_choice import half_of, halves
from lmms_vg.runs.tidy_rows import Row
from lmms_vg.study import breakdown_table, chosen_layer, correct_table, curves, gap_table, necessity_table, paired_table
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.image_band import band
from lmms_vg.study.study_table import StudyTable

RNG = np.random.default_rng(5)
NOISE = RNG.normal(2, 0.5, (40, 3))


def rows(table: StudyTable, **wanted: Any) -> list[Row]:
    return [row for row in table.rows if all(row[name] == value for name, value in wanted.items())]


def one(table: StudyTable, **wanted: Any) -> Row:
    (row,) = rows(table, **wanted)
    return row


def test_a_band_is_the_interval_of_each_column_and_wider_for_all_at_once() -> None:
    images = [f"i{number // 2}" for number in range(40)]
    found = band(NOISE, images)
    for column in range(3):
        low, high = cluster_interval(NOISE[:, column].tolist(), images)
        assert (found.low[column], found.high[column]) == pytest.approx((low, high), abs=0.02)
    assert found.mean == pytest.approx(NOISE.mean(0))
    assert (found.low_all < found.low).all()
    # Three independent columns: the largest of three deviations.
    wide = (found.high_all - found.mean) / found.draws.std(axis=1)
    assert wide == pytest.approx(stats.norm.ppf((1 + 0.95 ** (1 / 3)) / 2), abs=0.15)


def test_a_band_leaves_out_questions_without_values_and_has_no_ends_under_ten_images() -> None:
    values = np.ones((10, 2))
    values[0, 1] = np.nan
    found = band(values, list(range(10)))
    assert (found.n, found.images) == (9, 9)
    assert np.isnan(found.low).all()
    nothing = band(np.full((3, 2), np.nan), [1, 2, 3])
    assert nothing.n == 0
    assert np.isnan(nothing.mean).all()


def test_verdicts_of_curves() -> None:
    """KL far below what other images have is shown; as far above is not; where patches are hidden nothing is said."""
    kl = np.stack([NOISE[:, 0] - 5, NOISE[:, 1] + 5, NOISE[:, 2] - 5], axis=1)
    hidden = np.zeros(kl.shape, bool)
    hidden[3, 2] = True
    (curve,) = [c for c in curves.curves([task_of(kl, hidden=hidden)]) if (c.measure, c.quantity) == ("KL", "excess")]
    assert curves.verdicts(curve) == ["shown", "not shown", "no verdict (hidden patches)"]
    table = curves.table([curve])
    assert [row["mean"] for row in table.rows] == pytest.approx((kl - 1).mean(0))
    (ar,) = [
        c for c in curves.curves([task_of(kl, hidden=hidden, AR=5 - kl)]) if (c.measure, c.quantity) == ("AR", "excess")
    ]
    assert curves.verdicts(ar)[2] == "no verdict (hidden patches)", "other images' maps hide patches, too"
    (js,) = [
        c for c in curves.curves([task_of(kl, hidden=hidden, JS=kl)]) if (c.measure, c.quantity) == ("JS", "excess")
    ]
    assert curves.verdicts(js)[2] == "shown"
    assert (table.rows[0]["n"], table.rows[0]["images"]) == (40, 20)


def test_the_layer_comes_from_the_other_images_or_the_other_half() -> None:
    kl = np.tile([3.0, 1.0, 2.0], (40, 1))
    natural = np.tile([1.0, 2.0, 3.0], (20, 1))
    medical, coco = task_of(kl), task_of(natural, "vgmed_coco_localization", run_named())
    layer = chosen_layer.chosen(medical, [medical, coco])
    assert (layer.how, layer.said, layer.on) == ("other images", "0", coco.task)
    half = chosen_layer.chosen(medical, [medical])
    assert (half.how, half.said) == ("other half", "1")
    single = task_of(kl[:2])
    assert chosen_layer.chosen(single, [single]).in_sample


def test_the_other_half_never_holds_the_reported_image() -> None:
    """Each half prefers a layer of its own, and is reported at that of the other."""
    task = task_of(np.zeros((40, 2)))
    half = halves(task.units)
    assert half.tolist() == [half_of(unit) == 1 for unit in task.units], "as report halves them"
    assert 0 < half.sum() < 40
    assert all(half[i] == half[i + 1] for i in range(0, 40, 2)), "the questions of an image stay together"
    kl = np.where(half[:, None], [1.0, 2.0], [2.0, 1.0])
    layer = chosen_layer.chosen(task_of(kl), [task_of(kl)])
    assert (layer.of(kl, task.units) == 2.0).all()


def test_a_method_is_reported_at_the_layer_of_plain() -> None:
    plain = task_of(np.tile([1.0, 2.0], (40, 1)))
    method = task_of(np.tile([2.0, 1.0], (40, 1)), run=run_named("vgrefine"))
    assert chosen_layer.chosen(method, [plain, method]).said == "0"


def test_paired_differences() -> None:
    plain, method = (
        task_of(NOISE, AR=NOISE),
        task_of(NOISE + 0.5, run=run_named("vgrefine"), AR=NOISE + np.array([0, 0.25, 0.5])),
    )
    table = paired_table.table([plain, method])
    found = [row["difference"] for row in rows(table, measure="AR", quantity="value")]
    assert found == pytest.approx([0, 0.25, 0.5])
    assert {row["base_method"] for row in table.rows} == {"plain"}
    headline = one(paired_table.chosen_table([plain, method]), measure="KL", quantity="value")
    assert headline["difference"] == pytest.approx(0.5)
    assert headline["p_holm"] < 0.001


def test_models_with_other_numbers_of_layers_or_other_questions_are_not_paired() -> None:
    first = task_of(NOISE)
    deeper = task_of(np.ones((40, 5)), run=run_named(family="llava"))
    others = task_of(NOISE, run=run_named(family="llava"), questions=[question(i + 100) for i in range(40)])
    assert paired_table.pairs([first, deeper]) == []
    assert paired_table.pairs([first, others]) == []
    (pair,) = paired_table.pairs([first, task_of(NOISE, run=run_named(family="llava"))])
    assert pair.other.model == "llava demo"


def mixed(task: str, small: int, large: int, gap: float) -> StudiedTask:
    """KL depends on the size of the box, and on the side by `gap`."""
    sizes = [1] * small + [8] * large
    questions = [question(i, task, patches=size, image=f"{task} {i}") for i, size in enumerate(sizes)]
    kl = np.array([[3.0 if size == 1 else 1.0] for size in sizes]) + gap + RNG.normal(0, 0.05, (len(sizes), 1))
    return task_of(kl, task, run_named("plain"), questions)


def test_a_gap_of_box_size_alone_goes_away_for_one_distribution_of_sizes() -> None:
    medical, natural = mixed("vgmed_localization", 60, 20, 0.0), mixed("vgmed_coco_localization", 20, 60, 0.0)
    object.__setattr__(natural, "run", medical.run)
    table = gap_table.table([medical, natural])
    raw = one(table, measure="KL", quantity="value", boxes=gap_table.ALL)
    assert raw["gap"] == pytest.approx(1.0, abs=0.05)
    assert raw["as_claimed"] == "yes", "the trap that the standardised gap is for"
    even = one(table, measure="KL", quantity="value", boxes=gap_table.STANDARDISED)
    assert even["gap"] == pytest.approx(0.0, abs=0.05)
    assert even["as_claimed"] == "not shown"
    assert (even["n"], even["n_natural"]) == (80, 80)


def test_a_real_gap_stays() -> None:
    medical, natural = mixed("vgmed_localization", 60, 20, 0.4), mixed("vgmed_coco_localization", 20, 60, 0.0)
    object.__setattr__(natural, "run", medical.run)
    even = one(gap_table.table([medical, natural]), measure="KL", quantity="value", boxes=gap_table.STANDARDISED)
    assert even["gap"] == pytest.approx(0.4, abs=0.05)
    assert even["as_claimed"] == "yes"


def test_the_gap_at_one_layer_is_chosen_on_the_other_halves_of_both() -> None:
    """Medical images alone prefer layer 0, natural ones layer 2; both together layer 1, at which the gap is 1."""
    run = run_named()
    medical = task_of(np.tile([2.0, 2.5, 9.0], (40, 1)) + 0.01 * NOISE, run=run)
    natural = task_of(np.tile([9.0, 1.5, 1.0], (40, 1)), "vgmed_coco_localization", run)
    row = one(gap_table.chosen_table([medical, natural]), measure="KL", quantity="value", boxes=gap_table.ALL)
    assert (row["layer"], row["layer_chosen_on"]) == ("1", "other half")
    assert row["gap"] == pytest.approx(1.0 + 0.01 * NOISE[:, 1].mean())
    every = gap_table.table([medical, natural])
    assert row["gap"] == pytest.approx(one(every, measure="KL", quantity="value", boxes=gap_table.ALL, layer=1)["gap"])


def test_without_natural_images_there_is_no_gap() -> None:
    assert gap_table.table([task_of(NOISE)]).rows == []


def test_breakdown() -> None:
    organs = ["liver"] * 30 + ["spleen"] * 10
    questions = [question(i, organ=organ, image=f"i{i}", patches=2 if i < 20 else 6) for i, organ in enumerate(organs)]
    table = breakdown_table.table([task_of(NOISE, questions=questions)])
    layer = chosen_layer.chosen(task_of(NOISE, questions=questions), [])
    spleen = one(table, axis="organ", category="spleen", measure="KL", quantity="value")
    assert spleen["mean"] == pytest.approx(layer.of(NOISE, [one.unit for one in questions])[30:].mean())
    assert (spleen["n"], spleen["images"]) == (10, 10)
    assert not np.isnan(spleen["low"])
    assert {row["category"] for row in rows(table, axis="box share")} == {"10-30%", "> 30%"}
    few = breakdown_table.table([task_of(NOISE[:9], questions=questions[:9])])
    assert all(np.isnan(row["low"]) for row in few.rows), "nine images have no interval"


def test_correct_and_grounded() -> None:
    """AR is above 1 exactly where the answer is right."""
    truth = [i % 3 == 0 for i in range(60)]
    questions = [question(i, right=right, image=f"i{i}") for i, right in enumerate(truth)]
    ar = np.array([[2.0 if right else 0.5] for right in truth])
    table = correct_table.table([task_of(np.ones((60, 1)), questions=questions, AR=ar)])
    row = one(table, measure="AR", quantity="value", **{"box share": "all"})
    assert (row["both"], row["right_only"], row["grounded_only"], row["neither"], row["auc"]) == (20, 0, 0, 40, 1.0)
    assert correct_table.table([task_of(NOISE)]).rows == []


def test_necessity() -> None:
    """Filling the box changes 30 of 40 answers, filling another place 10 of them."""
    asked = task_of(NOISE)

    def under(control: str, changed: int) -> StudiedTask:
        questions = [question(i, answer="no" if i < changed else "yes") for i in range(40)]
        return task_of(NOISE, run=run_named(control=control), questions=questions)

    table = necessity_table.table([asked, under("box_filled", 30), under("elsewhere_filled", 10)])
    assert one(table, control="box_filled", quantity="answers changed")["mean"] == 0.75
    none = one(necessity_table.table([asked, under("box_filled", 0)]), control="box_filled")
    assert (none["mean"], none["low"]) == (0, 0)
    assert none["high"] > 0.05, "no answer of 20 images changed, which is no proof that none ever does"
    assert one(table, quantity="necessity")["mean"] == 0.5
    assert one(table, quantity="necessity")["p"] < 0.01


def test_one_question_has_means_without_ends_and_none_has_no_rows() -> None:
    makers = (paired_table.table, gap_table.table, breakdown_table.table, correct_table.table, necessity_table.table)
    single = task_of(NOISE[:1])
    (row,) = rows(breakdown_table.table([single]), axis="all", quantity="value")
    assert (row["mean"], row["n"]) == (NOISE[0].min(), 1)
    assert np.isnan(row["low"])
    for make in makers:
        assert make([]).rows == []
    assert curves.curves([task_of(np.full((1, 3), np.nan))]) == []
