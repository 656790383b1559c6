"""Figures on hand-made values: their numbers are those of the CSV beside them, and they look as they did."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from kept_pictures import PICTURES, TOLERANCE, difference, looks_as_before, without_pdf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from studies import question, run_named, task_of

from lmms_vg.paper.published import table
from lmms_vg.runs.results import Run
from lmms_vg.study import curves
from lmms_vg.study.breakdown_table import BINS
from lmms_vg.study.breakdown_table import table as breakdown
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.figures import box_figure, content_figure, curve_figure, head_figure, radar_figure, token_figure
from lmms_vg.study.figures.style import seed_note
from lmms_vg.study.head_tables import RunHeads, best
from lmms_vg.study.head_values import ENTROPY, HeadSide

SHAPE = np.array([3.0, 2.0, 1.5, 2.5])


@pytest.fixture(autouse=True)
def png_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    without_pdf(monkeypatch)


def read(paths: list[Path]) -> list[dict[str, str]]:
    return list(csv.DictReader(paths[-1].open(encoding="utf-8")))


def watched(rows: str, shift: float, random: np.random.Generator) -> StudiedTask:
    run = run_named()
    own = Run(run.path, "m", "", provenance={**(run.provenance or {}), "rows": rows})
    values = SHAPE + shift + 0.2 * random.standard_normal((40, 4))
    task = task_of(values, run=own, AR=values[:, ::-1], JS=values / 10, placement=np.clip(values / 4, 0, 1))
    return replace(task, rows=rows)


def test_token_selections_have_a_line_each(tmp_path: Path) -> None:
    random = np.random.default_rng(11)
    tasks = [watched(rows, shift, random) for rows, shift in (("last", 0.0), ("question", 1.0), ("all", 2.0))]
    paths = token_figure.draw(curves.curves(tasks), tmp_path)
    assert [path.name for path in paths[::2]] == ["tokens_huatuo_demo_plain_vgmed_localization.png", paths[-1].name]
    rows = read(paths)
    found = [float(row["mean"]) for row in rows if row["measure"] == "KL"]
    assert found == pytest.approx(np.concatenate([task.values["KL"].mean(axis=0) for task in tasks]).tolist())
    assert token_figure.draw(curves.curves(tasks[:1]), tmp_path / "one") == [], "one selection is no comparison"
    looks_as_before(paths[0])
    fewer = token_figure.draw(curves.curves(tasks[:2]), tmp_path / "fewer")
    assert difference(fewer[0], PICTURES / paths[0].name) > TOLERANCE, "a line less is seen"


def asked(tasks: dict[str, list[float]]) -> Any:
    scored = {name: SimpleNamespace(scores=dict(enumerate(scores))) for name, scores in tasks.items()}
    return SimpleNamespace(tasks=scored, provenance=None, model="mine", label="plain")


def test_radars_have_the_published_cells_and_the_means_of_runs(tmp_path: Path) -> None:
    names = [f"omnimedvqa_{name}" for name in ("ct", "fp", "mri", "oct", "der", "mic", "xray", "us")]
    run = asked({name: [1.0] * number + [0.0] * (10 - number) for number, name in enumerate(names, start=2)})
    paths = radar_figure.draw([run], tmp_path)
    rows = read(paths)
    own = {row["column"]: float(row["accuracy"]) for row in rows if row["kind"] == "own run"}
    assert own == {name: 10.0 * number for number, name in enumerate(table("3").columns[:-1], start=2)}
    assert {row["n"] for row in rows if row["kind"] == "own run"} == {"10"}
    printed = {(row["row"], row["column"]): float(row["accuracy"]) for row in rows if row["kind"] == "published"}
    assert printed["HuatuoGPT-V-7B", "X-Ray"] == 74.2, "as the paper's Table 3 prints it"
    assert {row["table"] for row in rows} == {"3"}, "it did not ask MMMU"
    looks_as_before(paths[0])
    assert radar_figure.draw([asked({"omnimedvqa_ct": [1.0]})], tmp_path / "part") == []


def test_curves_of_both_sides(tmp_path: Path) -> None:
    run, random = run_named(), np.random.default_rng(11)
    sides = [
        task_of(SHAPE + shift + 0.2 * random.standard_normal((40, 4)), name, run)
        for name, shift in (("vgmed_localization", 1.0), ("vgmed_coco_localization", 0.0))
    ]
    paths = curve_figure.draw(curves.curves(sides), tmp_path)
    looks_as_before(tmp_path / "curves_localization.png")
    found = [row for row in read(paths[:3]) if (row["side"], row["quantity"]) == ("natural", "value")]
    assert [float(row["mean"]) for row in found] == pytest.approx(sides[1].values["KL"].mean(axis=0).tolist())


def test_contents_are_counted_once_whoever_answered(tmp_path: Path) -> None:
    organs = ["liver"] * 5 + ["spleen"] * 3
    questions = [question(i, organ=organ, patches=2 + i) for i, organ in enumerate(organs)]
    rows = content_figure.table_rows([*questions, *questions])
    found = {(row["axis"], row["category"]): (row["n"], row["images"]) for row in rows}
    assert found["organ", "liver"] == (5, 3)
    assert found["organ", "spleen"] == (3, 2)
    assert found["modality", "CT"] == (8, 4)
    assert sum(n for (axis, _), (n, _) in found.items() if axis == "box share") == 8
    paths = content_figure.draw(rows, tmp_path)
    looks_as_before(paths[0])
    assert content_figure.draw([], tmp_path / "none") == []


def sized(task: str, shift: float) -> StudiedTask:
    """Boxes of one to six of sixteen patches, 12 images each; AR falls as they grow."""
    patches = [1 + i // 12 for i in range(72)]
    questions = [question(i, task, patches=size, image=f"{task}/{i}") for i, size in enumerate(patches)]
    values = (shift + 6.0 / np.array(patches))[:, None] + 0.2 * np.random.default_rng(5).standard_normal((72, 1))
    return task_of(values / 2, task, run_named(), questions, AR=values, JS=values / 10, placement=values / 8)


def test_box_sizes_have_the_means_of_their_questions(tmp_path: Path) -> None:
    tasks = [sized("vgmed_localization", 0.0), sized("vgmed_coco_localization", 1.0)]
    paths = box_figure.draw(breakdown(tasks).rows, tmp_path)
    assert [path.name for path in paths] == [f"box_size_huatuo_demo_plain.{kind}" for kind in ("png", "pdf", "csv")]
    found = {
        row["category"]: float(row["mean"])
        for row in read(paths)
        if (row["side"], row["measure"], row["quantity"]) == ("medical", "AR", "value")
    }
    sizes = {BINS[2]: [1], BINS[3]: [2, 3, 4], BINS[4]: [5, 6]}
    patches = np.array([1 + i // 12 for i in range(72)])
    by_hand = {name: tasks[0].values["AR"][np.isin(patches, of), 0].mean() for name, of in sizes.items()}
    assert found == pytest.approx(by_hand)
    looks_as_before(paths[0])
    one = box_figure.draw(breakdown(tasks[:1]).rows, tmp_path / "one")
    assert difference(one[0], PICTURES / paths[0].name) > TOLERANCE, "a line less is seen"


def test_the_legend_of_box_sizes_covers_no_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(box_figure, "save", lambda figure, *_: figures.append(figure) or [])
    box_figure.draw(breakdown([sized("vgmed_localization", 0.0), sized("vgmed_coco_localization", 1.0)]).rows, tmp_path)
    (figure,) = figures
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    (legend,) = (one.get_window_extent(renderer) for one in figure.legends)
    texts = [text for panel in figure.axes for text in (panel.xaxis.label, *panel.get_xticklabels())]
    texts += [
        text for text in figure.findobj(Text) if text.figure is figure and text.get_text() == figure.get_supxlabel()
    ]
    assert all(not text.get_window_extent(renderer).overlaps(legend) for text in texts if text.get_text())


def test_kl_of_hidden_patches_is_not_drawn_and_two_tasks_of_a_side_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a method hides patches KL says nothing, and is several times that of other layers."""
    figures: list[Figure] = []
    monkeypatch.setattr(box_figure, "save", lambda figure, *_: figures.append(figure) or [])
    first, second = sized("vgmed_localization", 0.0), sized("vgmed_attribute", 1.0)
    hiding = replace(second, hidden=np.ones((72, 1), bool))
    box_figure.draw(breakdown([first, hiding]).rows, tmp_path)
    figure = figures[0]
    for panel in figure.axes:
        drawn = [lines[0] for lines in panel.containers]
        assert len(drawn) == (1 if "KL" in panel.get_title(loc="left") else 2), panel.get_title(loc="left")
    box_figure.draw(breakdown([hiding]).rows, tmp_path)
    empty = [panel for panel in figures[1].axes if not panel.containers]
    assert [panel.get_title(loc="left") for panel in empty] == ["KL value", "KL excess"]
    assert all("patches are hidden" in panel.texts[0].get_text() and not len(panel.get_yticks()) for panel in empty)
    ar = [lines[0] for lines in figure.axes[0].containers]
    assert len({(line.get_linestyle(), line.get_markerfacecolor()) for line in ar}) == 2
    assert "No KL where patches are hidden" in figure.get_suptitle()


def heads_of(kl: np.ndarray[Any, Any], seed: int) -> HeadSide:
    """Twelve images whose heads have this KL on average."""
    noise = 0.1 * np.random.default_rng(seed).standard_normal((12, *kl.shape))
    spread = np.random.default_rng(9).random(kl.shape)
    sums: dict[Any, Any] = {"kl": kl + noise - noise.mean(axis=0), ENTROPY: spread + 0 * noise}
    sums |= {metric: np.ones((12, *kl.shape)) for metric in ("js", "ar", "placement")}
    names = tuple(f"i{i}" for i in range(12))
    return HeadSide(12, names, sums, dict.fromkeys(sums, np.ones(12)), dict.fromkeys(sums, 3.0), "image")


def test_head_maps_frame_the_best_and_have_the_heads_of_the_table(tmp_path: Path) -> None:
    kl = 2 + 2 * np.random.default_rng(4).random((6, 8))
    heads = RunHeads(run_named(), {"medical": heads_of(kl, 1), "natural": heads_of(kl.T.reshape(6, 8) / 2 + kl / 2, 2)})
    paths = head_figure.draw([heads], tmp_path)
    rows = [row for row in read(paths) if row["side"] == "medical"]
    assert [float(row["KL"]) for row in rows] == pytest.approx(kl.ravel().tolist(), abs=1e-6)
    assert best(kl, "kl", 3) == np.argsort(kl.ravel())[:3].tolist()
    looks_as_before(paths[0])
    alone = RunHeads(heads.run, {"medical": heads.sides["medical"]})
    with pytest.raises(AssertionError, match="another shape"):
        difference(head_figure.draw([alone], tmp_path / "alone")[0], PICTURES / paths[0].name)
    turned = RunHeads(heads.run, {**heads.sides, "medical": heads_of(kl[::-1], 1)})
    other = head_figure.draw([turned], tmp_path / "turned")
    assert difference(other[0], PICTURES / paths[0].name) > TOLERANCE, "other heads are seen"


def test_figures_say_what_was_drawn_as_a_whole() -> None:
    """A patient's images are drawn together where the data name patients, so a figure must not say images."""
    alone = task_of(np.ones((4, 1)))
    patients = task_of(np.ones((4, 1)), questions=[question(i, unit=f"patient {i // 2}") for i in range(4)])
    some = task_of(np.ones((4, 1)), questions=[question(0), question(2, unit="patient")])
    assert [task.unit for task in (alone, patients, some)] == ["image", "patient", "image or patient"]
    assert "whole images drawn" in seed_note([alone.unit])
    assert "whole patients drawn" in seed_note([patients.unit])
    assert "whole images or patients drawn" in seed_note([alone.unit, patients.unit])
    curve = next(iter(curves.curves([patients])))
    assert {row["unit"] for row in curves.table([curve]).rows} == {"patient"}
