"""The paper's cell next to ours: means and intervals of runs as lmms-eval saves them."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest
import tiny_bert
from saved_run import closed, failed, opened, save

from lmms_vg.metrics import bertscore
from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.metrics.statistics.weighted_interval import weighted_interval
from lmms_vg.paper.published import table
from lmms_vg.reproduce.cells import cells, score_of
from lmms_vg.reproduce.columns import Column, columns
from lmms_vg.reproduce.question_scores import values
from lmms_vg.reproduce.verdict import NOTHING
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """40 closed questions about 20 images and 30 about 15, one of them failed; 10 open ones about 5, and one that failed."""
    first = [closed(f"a{i}", int(i % 5 == 0), f"x{i // 2}") for i in range(40)]
    second = [closed(f"b{i}", int(i % 3 == 0), f"y{i // 2}") for i in range(30)]
    second[0] = failed("b0")
    third = [
        opened(f"c{i}", (i % 4) / 3, f"z{i // 2}")
        | {"bertscore": line("left lung" if i % 2 else "heart", f"z{i // 2}")}
        for i in range(10)
    ]
    third.append(failed("c10", "bleu1", "open_recall", "bertscore"))
    return read_run(save(tmp_path, {"first": first, "second": second, "third": third}))


def line(answer: str, image: str) -> dict[str, str]:
    return {"answer": answer, "reference": "right lung", "image": image, "rule": "bertscore|layer:12|v:0"}


def test_score_of_one_task(run: Run) -> None:
    score = score_of(run, Column("A", "acc", ("first",), {}))
    assert score is not None
    scores, images = [float(i % 5 == 0) for i in range(40)], [f"x{i // 2}" for i in range(40)]
    assert score == pytest.approx((20.0, *(100 * end for end in cluster_interval(scores, images)), 40))


def test_score_of_pooled_tasks_leaves_failures_out(run: Run) -> None:
    score = score_of(run, Column("Avg.", "acc", ("first", "second"), {}))
    assert score is not None
    scores = [float(i % 5 == 0) for i in range(40)] + [float(i % 3 == 0) for i in range(1, 30)]
    images = [f"x{i // 2}" for i in range(40)] + [f"y{i // 2}" for i in range(1, 30)]
    assert score.n == 69
    assert score.value == pytest.approx(100 * 17 / 69)
    assert score[1:3] == pytest.approx([100 * end for end in cluster_interval(scores, images)])


def test_score_under_weights(run: Run) -> None:
    score = score_of(run, Column("Avg.", "acc", ("first", "second"), {"first": 3, "second": 1}))
    assert score is not None
    assert score.value == pytest.approx(100 * (3 * 8 / 40 + 9 / 29) / 4)
    parts = {name: found[:2] for name in ("first", "second") if (found := values(run, name, "acc"))}
    assert score[1:3] == pytest.approx([100 * end for end in weighted_interval(parts, {"first": 3, "second": 1})])


def test_open_metrics(run: Run) -> None:
    recalls = [(i % 4) / 3 for i in range(10)]
    images = [f"z{i // 2}" for i in range(10)]
    for metric, scores in (("open_recall", recalls), ("bleu1", [recall / 2 for recall in recalls])):
        score = score_of(run, Column(metric, metric, ("third",), {}))
        assert score is not None
        assert score == pytest.approx(
            (100 * fmean(scores), *(100 * end for end in cluster_interval(scores, images)), 10)
        )


def test_without_bertscore_a_cell_is_not_available_and_not_zero(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMMS_VG_BERTSCORE", f"model={tmp_path / 'nothing'},layer=2")
    printed_table = table("E.3")
    asked = [
        column._replace(tasks=("third",))
        for column in columns(printed_table, demo=False)
        if column.name.startswith("SLAKE")
    ]
    compared = {
        cell.column.name: cell
        for cell in cells(printed_table, asked, {"HuatuoGPT-V-7B": run}, {"HuatuoGPT-V-7B": "HuatuoGPT-V-7B"})
    }
    for name in ("SLAKE BERT", "SLAKE Avg."):
        assert (compared[name].score, compared[name].missing, compared[name].verdict) == (
            None,
            "not available",
            NOTHING,
        )
    assert compared["SLAKE BLEU-1"].score is not None


def test_bertscore_and_average_of_single_questions(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model may be available now that was missing when the run was scored."""
    tiny_bert.save(tmp_path / "bert")
    monkeypatch.setenv("LMMS_VG_BERTSCORE", f"model={tmp_path / 'bert'},layer=2")
    answers = ["left lung" if i % 2 else "heart" for i in range(10)]
    similar = bertscore.bertscore(answers, ["right lung"] * 10)
    bertscores, mean = values(run, "third", "bertscore"), values(run, "third", "average")
    assert bertscores is not None
    assert mean is not None
    assert bertscores.scores == pytest.approx(similar, abs=1e-5)
    assert len(set(similar)) == 2
    recalls = [(i % 4) / 3 for i in range(10)]
    assert mean.scores == pytest.approx([(r / 2 + b + r) / 3 for r, b in zip(recalls, similar, strict=True)], abs=1e-5)


def test_a_task_that_was_not_asked_and_a_row_that_was_not_run(run: Run) -> None:
    printed_table = table("1")
    asked = [Column("VQA-RAD", "acc", ("first",), {}), Column("Avg.", "acc", ("first", "pmc_vqa"), {})]
    rows = {"again": "VGRefine (Ours)", "HuatuoGPT-V-7B": "HuatuoGPT-V-7B"}
    compared = cells(printed_table, asked, {"again": run, "HuatuoGPT-V-7B": None}, rows)
    assert [(cell.row, cell.missing, cell.verdict.code) for cell in compared] == [
        ("again", "", "differs"),
        ("again", "not asked", "nothing"),
        ("HuatuoGPT-V-7B", "not asked", "nothing"),
        ("HuatuoGPT-V-7B", "not asked", "inconsistent"),
    ]


def test_the_papers_questions_are_counted_answer_by_answer(tmp_path: Path) -> None:
    """924 of VQA-RAD's 1,297 is what the paper prints for its method; two more are two answers apart."""
    asked = [Column("VQA-RAD", "acc", ("vqa_rad_closed",), {})]
    for right, code, apart in ((924, "same", 0), (926, "apart", 2)):
        lines = [closed(f"q{i}", int(i < right), f"x{i // 4}") for i in range(1297)]
        made = read_run(save(tmp_path / str(right), {"vqa_rad_closed": lines}))
        (cell,) = cells(table("F.4"), asked, {"ours": made}, {"ours": "VGRefine (Ours)"})
        assert (cell.verdict.code, cell.verdict.apart, cell.verdict.of) == (code, apart, 1297)
