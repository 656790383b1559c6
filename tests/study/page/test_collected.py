"""From runs to the page: sentences, charts, columns and gallery, against numbers computed apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import exp
from pathlib import Path
from typing import Any

import looks
import numpy as np
import pytest
from PIL import Image

from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.runs.method_spec import MethodSpec
from lmms_vg.study import breakdown_table
from lmms_vg.study.chosen_layer import chosen
from lmms_vg.study.collect import StudiedTask, Study, collect
from lmms_vg.study.compared_tables import compared
from lmms_vg.study.curves import curves
from lmms_vg.study.page.breakdowns import breakdowns
from lmms_vg.study.page.collected import page_input, write_page
from lmms_vg.study.page.gallery import Gallery
from lmms_vg.study.page.sides import asked_by, short_name, sides_of
from lmms_vg.study.shortfall import Missing

Look = Callable[..., Any]


def studied(folder: Path, look: Look, method: str = "plain", n: int = 120, **given: Any) -> StudiedTask:
    """One task of a run whose journal has these maps."""
    run = looks.run_of(folder / f"{method}-{look.__name__}-{n}", looks.asked(look, n))
    provenance = (run.provenance or {}) | {"method": {"name": method, "hyper_parameters": {}}}
    assert MethodSpec.model_validate(provenance["method"]).name == method
    task = collect([run]).tasks[0]
    ratios = np.nan_to_num(
        task.level["AR"] * np.exp(task.excess["AR"]), nan=1.5
    )  # the records of `looks` have KL alone
    values = {**task.values, "AR": ratios}
    return replace(task, run=replace(run, provenance=provenance), method=method, values=values, **given)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    plain, other = studied(tmp_path, looks.blind), studied(tmp_path, looks.seeing, "vgrefine")
    return Study((plain, other), (Missing("something is missing", str(plain.run.path), f"{plain.model} plain"),))


def with_question(task: StudiedTask, question: Any) -> StudiedTask:
    return replace(task, questions=tuple(question if one.uid == question.uid else one for one in task.questions))


def made(study: Study) -> Any:
    return page_input(study, curves(study.tasks), compared(study.tasks), "title")


def test_sentences_say_the_excess_at_the_chosen_layer(study: Study) -> None:
    blind, seeing, gain = made(study).headlines
    assert (blind.word, seeing.word, gain.word) == ("not shown", "shown", "shown")
    task = study.tasks[1]
    values = chosen(task, study.tasks).of(task.excess["AR"], task.units)
    assert f"the box holds {exp(values.mean()):.2f} [" in seeing.text
    assert "(120 questions, 60 images)" in seeing.text
    low, high = (exp(end) for end in cluster_interval([*values], task.units))
    ends = seeing.text.partition("[")[2].partition("]")[0].split(", ")
    assert [float(end) for end in ends] == pytest.approx([low, high], abs=0.02)
    plain = study.tasks[0]
    before = chosen(plain, study.tasks).of(plain.excess["AR"], plain.units)
    assert f"is {exp((values - before).mean()):.2f} [" in gain.text, "the same questions at plain's layers"
    assert "against plain" in gain.text


def test_a_worse_method_is_said_to_be_worse(tmp_path: Path) -> None:
    study = Study((studied(tmp_path, looks.seeing), studied(tmp_path, looks.blind, "vaf")), ())
    worse = made(study).headlines[-1]
    assert worse.word == "opposite"
    assert float(worse.text.partition("images is ")[2].partition(" ")[0]) < 1


def test_too_few_images_give_no_verdict(tmp_path: Path) -> None:
    task = studied(tmp_path, looks.seeing, n=8)
    (said,) = made(Study((task,), ())).headlines
    assert said.word == "no verdict"
    assert "50% is chance" in said.text
    mean = chosen(task, [task]).of(task.values["placement"], task.units).mean()
    assert f"more attention than {100 * mean:.0f}% of the places" in said.text
    twelve = studied(tmp_path, looks.seeing, n=12)
    (said,) = made(Study((twelve,), ())).headlines
    assert (said.word, "too few for an interval" in said.text) == ("no verdict", True), (
        "six images: others, no interval"
    )


def test_charts_have_the_curves_and_their_chance(study: Study) -> None:
    log_ar, raw, placement = made(study).panels
    assert (log_ar.chance, raw.chance, placement.chance) == (0.0, None, 0.5)
    for line, task in zip(log_ar.lines, study.tasks, strict=True):
        assert line.mean == pytest.approx(task.excess["AR"].mean(axis=0))
        assert (line.low < line.mean).all()
        assert set(line.marked) == set(chosen(task, study.tasks).layers)
    assert raw.lines[0].chance == pytest.approx(study.tasks[0].level["AR"].mean(axis=0))


def test_raw_values_without_other_images_have_even_attention_as_chance(tmp_path: Path) -> None:
    panels = made(Study((studied(tmp_path, looks.seeing, n=8),), ())).panels
    assert [panel.chance for panel in panels] == [1.0, 0.5]
    assert "even" in panels[0].chance_words


def test_hidden_patches_are_marked_and_do_not_choose_the_layer(tmp_path: Path) -> None:
    study = Study((studied(tmp_path, looks.with_hidden),), ())
    assert made(study).panels[0].lines[0].hidden == [1]
    assert sides_of(study)[0].layer == 0, "KL is undefined in layer 1"


def test_a_layer_that_hides_patches_has_no_verdict(tmp_path: Path) -> None:
    """Its AR over other images is high because their maps hide patches of the box, too; `report` gives no verdict either."""
    plain, method = studied(tmp_path, looks.seeing), studied(tmp_path, looks.with_hidden, "vgrefine")
    kl = np.tile([2.0, 1.0], (120, 1))
    both = [replace(task, values={**task.values, "KL": kl}) for task in (plain, method)]
    alone, hidden, against = made(Study(tuple(both), ())).headlines
    assert alone.word == "shown"
    assert "layer 1 " in hidden.text
    for said in (hidden, against):
        assert said.word == "no verdict"
        assert "Patches are hidden there" in said.text


def test_columns_are_those_of_the_tasks_in_one_order(study: Study) -> None:
    page = made(study)
    assert [side.name for side in page.sides] == [short_name(task, study.tasks) for task in study.tasks]
    assert page.sides[1].chosen == "the layer of the plain run"
    for side, task in zip(page.asked.sides, study.tasks, strict=True):
        places = {question.uid: i for i, question in enumerate(task.questions)}
        at = [places[uid] for uid in page.asked.uids]
        assert side.excess == pytest.approx(task.excess["AR"][at, page.sides[0].layer])
        assert side.placement == pytest.approx(task.values["placement"][at, page.sides[0].layer])
        assert set(side.right) == {-1}
        assert set(side.changes) == {-1}
    assert page.missing[0].startswith(f"{study.tasks[0].model} plain: something"), "no folder of this machine"
    assert any("box_filled" in text for text in page.missing)


def test_answers_without_the_box_tell_whether_they_change(study: Study) -> None:
    plain = study.tasks[0]
    half = [replace(one, answer="other" if i % 2 else one.answer) for i, one in enumerate(plain.questions)]
    provenance = (plain.run.provenance or {}) | {"control": "box_filled"}
    filled = replace(
        plain, run=replace(plain.run, provenance=provenance), method="plain@box_filled", questions=tuple(half)
    )
    beside = replace(plain.run, provenance=provenance | {"control": "elsewhere_filled"})
    elsewhere = replace(filled, run=beside, questions=plain.questions)
    tasks = (*study.tasks, filled, elsewhere)
    page = page_input(Study(tasks, ()), curves(study.tasks), compared(tasks), "title")
    assert "filling the box changes 50 percentage points more of the answers" in page.headlines[-1].text
    assert page.headlines[-1].word == "shown"
    assert not any("box_filled" in text for text in page.missing)
    assert len(page.sides) == 2, "a control is no side: its images are not those that are shown"
    changes = dict(zip(page.asked.uids, page.asked.sides[0].changes, strict=True))
    assert [changes[one.uid] for one in plain.questions] == [i % 2 for i in range(120)]
    assert set(page.asked.sides[1].changes) == {-1}


def test_settings_are_named_only_where_they_tell_runs_apart(study: Study) -> None:
    plain, other = study.tasks
    long = replace(other, method="vgrefine (k=5)")
    assert short_name(long, [plain, long]) == f"{plain.model} vgrefine"
    assert short_name(long, [plain, long, replace(other, method="vgrefine (k=9)")]) == f"{plain.model} vgrefine (k=5)"


def test_the_gallery_lays_maps_on_the_image_and_on_patches_without_one(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = sides_of(study)
    order = asked_by(sides)
    missing = Gallery(sides, order).sample(3)
    with pytest.raises(ValueError, match="not an image URI"):
        missing.open_image()
    task = study.tasks[0]
    question = task.questions[sides[0].places[order[3][0]][order[3][1]]]
    assert question.mask is not None
    rows, cols = np.nonzero(question.mask)
    edges = (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
    assert missing.size == (8 * 14, 8 * 14)
    assert missing.boxes == [tuple(14.0 * edge for edge in edges)]
    monkeypatch.setattr("lmms_vg.study.image_place.open_image", lambda uri: Image.new("RGB", (80, 80)))
    wrong = replace(question, boxes=((0.0, 0.0, 9.0, 9.0),))
    sides = [side._replace(tasks={"t": with_question(side.tasks["t"], wrong)}) for side in sides]
    first = Gallery(sides, order).sample(3).looks[0]
    assert first is not None
    assert first.place is None, "no way to prepare this image puts this box on its patches"
    right = replace(question, boxes=(tuple(10.0 * edge for edge in edges),))
    sides = [side._replace(tasks={"t": with_question(side.tasks["t"], right)}) for side in sides]
    found = Gallery(sides, order).sample(3)
    look = found.looks[0]
    assert found.boxes == [*right.boxes]
    assert look is not None
    assert found.size == (80, 80)
    assert look.place == pytest.approx((0, 0, 80, 80))
    lift = task.lift(sides[0].places[order[3][0]][order[3][1]])
    assert lift is not None
    assert look.maps == pytest.approx(lift.reshape(2, 64), rel=1e-5)


def test_a_side_that_was_not_asked_has_no_look(study: Study) -> None:
    plain, other = study.tasks
    fewer = replace(other, questions=other.questions[:50])
    sides = sides_of(Study((plain, fewer), ()))
    order = asked_by(sides)
    assert len(order) == 120
    uid = next(one.uid for one in plain.questions if one.uid not in sides[1].places["t"])
    assert Gallery(sides, order).sample(order.index(("t", uid))).looks[1] is None


def test_breakdowns_are_multiples_of_other_images(study: Study) -> None:
    rows = breakdown_table.table(study.tasks).rows
    tables = breakdowns(rows, {(study.tasks[0].model, "plain"): "short"})
    assert tables[0].title == "All questions of each task"
    first = tables[0].rows[0]
    task = study.tasks[0]
    layer = chosen(task, study.tasks)
    assert first[:3] == ["short", "t", "all"]
    assert first[3] == pytest.approx(exp(layer.of(task.excess["AR"], task.units).mean()))
    assert first[6] == pytest.approx(layer.of(task.values["placement"], task.units).mean())
    assert (first[7], first[8]) == (120, 60)
    assert [table.title for table in tables[1:]] == ["By box share"], "one category is no breakdown"
    assert [table.note != "" for table in tables] == [True, False]
    raw = [row for row in rows if row["quantity"] == "value"]
    assert breakdowns(raw, {}) == [], "without an excess there is no table, not an empty one"


def test_the_page_is_written_with_the_maps_of_heads(study: Study, tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "heads_tiny.png").write_bytes(b"png")
    rows, both = breakdown_table.table(study.tasks).rows, compared(study.tasks)
    path, left_out = write_page(study, curves(study.tasks), rows, both, tmp_path, None)
    text = path.read_text(encoding="utf-8")
    assert '<b dir="auto">heads tiny</b>' in text
    assert str(tmp_path) not in text
    (said,) = left_out
    assert said.startswith("report.html: 120 of 120 samples have no image")
