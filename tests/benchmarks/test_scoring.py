"""The benchmark runs at tiny size, and what it scores is scored both ways; how fast is not for a test to say."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmark_runs import reported
from saved_run import tables

from benchmarks import answers
from benchmarks.answers import Answered
from lmms_vg.datasets.schema import Sample
from lmms_vg.tasks import scoring_closed
from lmms_vg.tasks.document_fields import AXES


@pytest.mark.slow
def test_quick_run_prints_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path))
    shown = reported(capsys, "scoring", "--quick")
    ((head, *rows),) = tables(shown)
    assert head == ["measured", "value", "target", "verdict"]
    scored, ratio, vqa_rad, slake, time, memory = rows
    assert scored[0] == "280 answers scored, with intervals, s"
    assert ratio[0].startswith("BERTScore of 70 pairs: lmms_vg / bert_score")
    assert [vqa_rad[0], slake[0]] == [
        f"{name} prepared: not here (LMMS_VG_DATA={tmp_path})" for name in ("vqa_rad", "slake")
    ]
    assert [time[0], memory[0]] == [f"zip of 1,000 members indexed, {unit}" for unit in ("s", "peak MB")]
    assert all(float(row[1]) > 0 for row in (scored, ratio, time, memory))
    assert {row[3] for row in rows} == {"none at this size"}
    assert "bert-score 0.3" in shown.splitlines()[-1]


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (answers.closed(300), scoring_closed.yes_no_results),
        (answers.choice(300, "pmc_vqa"), scoring_closed.choice_results),
        (answers.choice(300, "pmc_vqa_chen"), scoring_closed.chen_results),
    ],
    ids=["closed", "choice", "chen"],
)
def test_answers_take_every_way_through_a_rule(made: list[Answered], rule) -> None:
    results = [rule(document, [text]) for document, text in made]
    assert {result["acc"]["score"] for result in results} == {0, 1}
    assert {result["unparseable"]["unparseable"] for result in results} == {False, True}


def test_made_up_documents_are_like_ours() -> None:
    (document, _), *_ = answers.choice(1, "pmc_vqa")
    assert document.keys() - {"task", "image"} <= Sample.model_fields.keys()
    assert document.keys() >= {"task", "uid", "image", "answer", "options", *AXES}
    assert answers.opened(50) == answers.opened(50), "seeded"
    said, _ = answers.pairs(500)
    assert len(set(said)) == 500
