"""Which questions of finished runs are shown: the named one, the worst, those that one run loses to another."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from looks import asked, run_of, seeing
from studies import question, run_named, task_of

from lmms_vg.cli.main import main
from lmms_vg.study.overlays import Wanted, chosen_questions, draw

RIGHT = [i % 3 == 0 for i in range(12)]


def task(right: list[bool] | None, method: str = "plain") -> object:
    questions = [question(i, right=None if right is None else right[i]) for i in range(12)]
    looks = np.linspace(2, -1, 12)[:, None]
    return task_of(np.ones((12, 1)), run=run_named(method), questions=questions, AR=looks, placement=looks[::-1])


def test_the_worst_have_least_beside_other_images() -> None:
    first = task(None)
    uids, said = chosen_questions(first, [first], Wanted(worst=3))
    assert uids == ["q11", "q10", "q9"]
    assert "log AR minus that of maps of other images in layer 0 of huatuo demo, plain" in said
    object.__setattr__(first, "excess", {name: values * np.nan for name, values in first.excess.items()})
    uids, said = chosen_questions(first, [first], Wanted(worst=2))
    assert uids == ["q0", "q1"], "by placement, where too few other images leave no excess"


def test_lost_ones_are_wrong_here_and_right_there() -> None:
    first, other = task(RIGHT), task([True] * 6 + [False] * 6, "vgrefine")
    uids, said = chosen_questions(first, [first, other], Wanted(lost_against=True, n=99))
    assert uids == ["q1", "q2", "q4", "q5"]
    assert "of the 4 questions that plain answers wrongly" in said
    drawn, _ = chosen_questions(first, [first, other], Wanted(lost_against=True, n=2))
    assert len(drawn) == 2
    assert set(drawn) < set(uids)
    assert chosen_questions(first, [first], Wanted(lost_against=True)) == (
        [],
        chosen_questions(first, [first], Wanted(lost_against=True))[1],
    )


def test_a_named_question_at_one_layer_of_a_finished_run(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", asked(seeing, n=12))
    paths = draw([run], tmp_path / "out", Wanted(uid="u/k3"), layer=1)
    assert [path.suffix for path in paths] == [".png", ".pdf", ".csv"]
    (row,) = csv.DictReader(paths[-1].open(encoding="utf-8"))
    assert (row["uid"], row["layer"], row["answer"]) == ("u/k3", "1", "says k3")


def test_what_cannot_be_shown_is_said(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", asked(seeing, n=12))
    with pytest.raises(ValueError, match=r"--layer 7: allowed is 0 to 1"):
        draw([run], tmp_path / "out", Wanted(), layer=7)
    with pytest.raises(ValueError, match=r"--uid u/k99: .*has maps of 12 questions, not of this"):
        draw([run], tmp_path / "out", Wanted(uid="u/k99"))
    with pytest.raises(ValueError, match="answers no question wrongly"):
        draw([run], tmp_path / "out", Wanted(lost_against=True))


def test_choices_of_runs_need_runs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["overlay", "--worst", "3", "-o", str(tmp_path)]) == 2
    assert "need finished runs" in capsys.readouterr().err
